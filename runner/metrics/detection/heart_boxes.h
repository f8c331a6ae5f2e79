#pragma once

#include <cstdint>
#include <vector>

#include "runner/metrics/detection/detection_case.h"

namespace medsweep::runner {

/// The box numbers of the Heart system (Mask R-CNN on ACDC), only to stand beside those that it
/// reports. They differ from COCO's in more than one way: labels are ignored, every detection of a
/// score > 0.05 counts in the mean IoU, precision is averaged over images instead of pooled, and
/// images without detections are left out of it.
///
///   IoU of two boxes   intersection / (union + 1e-6); a box ends at its last pixel, so 1 is taken
///                      off the right and bottom edges of both sides' boxes first
///   heart_box_iou      the mean, over all detections of all images, of the largest IoU with any
///                      object; an image without detections adds 1 + (number of thresholds) zeros
///   heart_box_map      at a threshold t, by falling score: right is a detection whose best object
///                      is free and met with an IoU >= t; precision is TP / (TP + FP + 1e-6),
///                      recall TP / (objects + 1e-6), and the area lies below the monotone envelope
///                      from (0, 0) to (1, 0). The mean over the images that have detections, and
///                      over the thresholds
///
/// Crowds are no objects. A detection in an image without objects has an IoU of 0 and is an error.
struct HeartOptions {
  double minimum_score = 0.05;  ///< detections of a score above it
  double step = 0.1;            ///< thresholds 0.5, 0.5 + step ... below 1; Heart's networks of one
                                ///< task ask for 0.05
};

/// What is kept of one image.
struct HeartBoxes {
  double iou_sum = 0;
  std::int64_t boxes = 0;     ///< detections
  std::int64_t zeros = 0;     ///< that an image without detections adds to the mean IoU
  double mean_precision = 0;  ///< over the thresholds; of images with detections
  bool operator==(const HeartBoxes&) const = default;
};

/// The thresholds, with the rounding of numpy's arange. Throws std::invalid_argument for a step
/// that is not above 0 and at most 0.5.
std::vector<double> heart_thresholds(double step);

/// Of a checked case.
HeartBoxes heart_boxes(const DetectionCase& ready, const HeartOptions& options);

}  // namespace medsweep::runner
