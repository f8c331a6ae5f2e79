#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/distributed/communicator.h"
#include "runner/metrics/detection/detection_metrics.h"

namespace medsweep::runner {

/// The numbers of what was found in many images, with the interface of Summary. An image is scored
/// when it is added, and only small numbers of it are kept. Images are kept in the order of their
/// positions, so that neither the order of `add` nor the number of ranks changes a bit; pooled
/// metrics order equal scores by position.
class DetectionSummary {
 public:
  /// metrics: of the table in detection_metrics.h. Throws std::invalid_argument for an unknown one.
  DetectionSummary(std::vector<std::string> metrics, const DetectionOptions& options);

  /// position: of the image among all. Throws std::logic_error for a position added twice, and
  /// std::invalid_argument as checked(DetectionCase), and for classes other than the first case's.
  void add(std::int64_t position, const DetectionCase& scored);

  /// Every rank gets the images of all. Collective over the group.
  void merge(Communicator& group);

  std::int64_t size() const { return static_cast<std::int64_t>(images_.size()); }
  /// In the order of positions; metrics of scope kCases.
  std::vector<CaseRows> cases() const;
  /// Class by class: the metrics in the order asked for; then those of no class.
  std::vector<SummaryRow> rows() const;
  /// The mean of rows() over the classes that define it, which is COCO's mean for COCO's metrics.
  /// Null where none does or the metric was not asked for.
  std::optional<double> overall(std::string_view metric) const;

 private:
  void merge_classes(Communicator& group);
  void keep(std::int64_t position, ImageRecord record);
  ImageRecords records() const;

  std::vector<std::string> metrics_;
  DetectionOptions options_;
  std::vector<std::string> classes_;
  std::map<std::int64_t, ImageRecord> images_;
};

}  // namespace medsweep::runner
