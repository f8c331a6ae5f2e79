#pragma once

#include <optional>
#include <vector>

#include "runner/metrics/detection/image_record.h"

namespace medsweep::runner {

/// Images in the order of their positions.
using ImageRecords = std::vector<const ImageRecord*>;

/// What is read off the curve of precision over recall.
enum class PrecisionReading { kMean, kAt50, kAt75, kRecall };

/// One number of average_precision.h.
struct PrecisionQuery {
  ClassMatches ClassRecord::*regions;
  PrecisionReading reading;
  AreaRange range;
};

/// Of one class (0 ... K - 1) over all images. None where no object is to be found, or where masks
/// are asked for and an image has none.
std::optional<double> precision_over(const ImageRecords& images, std::size_t label,
                                     const PrecisionQuery& query);

/// As heart_boxes.h tells. None without images, or without an image that has detections.
std::optional<double> heart_box_iou(const ImageRecords& images);
std::optional<double> heart_box_map(const ImageRecords& images);

/// The linearly interpolated quantile, as numpy's, of the seconds of the images that have them.
/// share: 0 ... 1.
std::optional<double> quantile_of_seconds(const ImageRecords& images, double share);

}  // namespace medsweep::runner
