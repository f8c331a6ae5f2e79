#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "runner/metrics/detection/overlap.h"

namespace medsweep::runner {

/// COCO's average precision and recall, equal to pycocotools (Lin et al.: Microsoft COCO, ECCV
/// 2014; cocodataset.org, "Detection Evaluation").
///
/// Of each image and class, the 100 detections of highest score take, in the order of their scores
/// and at each threshold, the free object of the largest IoU >= threshold. Crowds and objects
/// outside the range of areas come after all others, a crowd can be taken any number of times, and
/// what takes one counts neither as right nor as wrong; nor does a free detection whose own area is
/// outside the range. The detections of all images are then sorted by score (equal ones by image,
/// then in their order), precision is made monotone from the right and read at the recalls
/// 0, 0.01 ... 1; recall is the share of objects found at the end.
inline constexpr std::size_t kIouThresholds = 10;  ///< 0.5, 0.55 ... 0.95
inline constexpr std::size_t kMaximumDetections = 100;

/// Pixels, both ends included: all; up to 32 x 32; up to 96 x 96; above.
enum class AreaRange : std::uint8_t { kAll, kSmall, kMedium, kLarge };
inline constexpr std::size_t kAreaRanges = 4;

/// One detection; bit t of range r: at threshold t. Neither right nor wrong: ignored.
struct ScoredDetection {
  float score = 0;
  std::array<std::uint16_t, kAreaRanges> right{}, wrong{};
  bool operator==(const ScoredDetection&) const = default;
};

/// What is kept of one class of one image.
struct ClassMatches {
  std::array<std::uint32_t, kAreaRanges> objects{};  ///< that are to be found
  std::vector<ScoredDetection> detections{};         ///< by falling score, at most 100
  bool operator==(const ClassMatches&) const = default;
};

ClassMatches match_objects(const ClassOverlap& overlap, const RegionOverlap& regions);

/// By threshold.
struct PooledPrecision {
  std::array<double, kIouThresholds> precision{}, recall{};
  double mean_precision() const;
  double mean_recall() const;
};

/// Over all images, in their order. None where no object is to be found.
std::optional<PooledPrecision> pooled_precision(const std::vector<const ClassMatches*>& images,
                                                AreaRange range);

}  // namespace medsweep::runner
