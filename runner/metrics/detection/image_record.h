#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runner/metrics/detection/average_precision.h"
#include "runner/metrics/detection/heart_boxes.h"

namespace medsweep::runner {

/// What the metrics of found objects can be told.
struct DetectionOptions {
  double minimum_score = 0.5;  ///< of detections that count, where no ranking is asked: *_iou,
                               ///< *_dice, rsna_score, both_lungs_found
  double found_iou = 0.5;      ///< both_lungs_found: an object is found from this IoU on
  HeartOptions heart{};
};

/// The small numbers that are kept of one class of one image.
struct ClassRecord {
  ClassMatches boxes{};
  ClassMatches masks{};  ///< empty where masks are unknown
  std::optional<double> box_iou{}, mask_iou{}, mask_dice{}, rsna_score{};
  bool operator==(const ClassRecord&) const = default;
};

/// Of one image: a few kilobytes, whatever its size.
struct ImageRecord {
  std::string name;
  bool has_masks = false;  ///< on both sides
  std::vector<ClassRecord> classes{};
  HeartBoxes heart{};
  std::optional<double> all_found{};  ///< 0 or 1; undefined without objects
  std::optional<double> seconds{};
  bool operator==(const ImageRecord&) const = default;
};

/// Of a checked case.
ImageRecord image_record(const DetectionCase& ready, const DetectionOptions& options);

/// For other ranks, which run on machines of the same byte order.
std::string bytes_of(std::int64_t position, const ImageRecord& record);

/// The first record of `bytes`, which moves on behind it. Throws std::runtime_error where it ends
/// too early.
std::pair<std::int64_t, ImageRecord> take_record(std::string_view& bytes);

}  // namespace medsweep::runner
