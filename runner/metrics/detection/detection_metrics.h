#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "runner/metrics/detection/pooled_numbers.h"
#include "runner/metrics/direction.h"
#include "runner/metrics/summary.h"

namespace medsweep::runner {

/// How a metric of found objects comes to its number over all images.
enum class DetectionScope {
  kCases,   ///< every image has its own; over all it is the mean where it is defined
  kPooled,  ///< only all images together have one
};

/// Which regions a network and its data give.
enum class DetectionRegions { kBoxes, kMasks };

/// The metrics of the table in its order; without those of masks for kBoxes.
std::vector<std::string> offered_detection_metrics(DetectionRegions regions);

/// Throw std::invalid_argument for an unknown metric, with the nearest known one.
Direction detection_direction_of(std::string_view metric);
DetectionScope detection_scope_of(std::string_view metric);

/// The table, for `runner list metrics` and the study language.
std::vector<Row> detection_metric_rows();

/// What one image says, class by class, then what is of no class (class_name is empty): the asked
/// metrics of scope kCases.
std::vector<MetricRow> rows_of_image(const ImageRecord& image,
                                     const std::vector<std::string>& classes,
                                     const std::vector<std::string>& metrics);

/// The asked metrics over all images, class by class, then those of no class. Of a pooled one
/// `defined` is the number of images behind it.
std::vector<SummaryRow> rows_over_images(const ImageRecords& images,
                                         const std::vector<std::string>& classes,
                                         const std::vector<std::string>& metrics);

}  // namespace medsweep::runner
