#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/distributed/communicator.h"
#include "runner/metrics/metrics.h"

namespace medsweep::runner {

/// The numbers of one case.
struct CaseRows {
  std::string name;
  std::vector<MetricRow> rows;  ///< of evaluate_case
  bool operator==(const CaseRows&) const = default;
};

/// One number of one class over all cases.
///
///   "dice"              the mean over the cases where it is defined
///   "dice_pooled"       of the counts summed over all cases (overlap metrics only)
///   "true_positive" ... the sum; "both_empty": the number of cases that both masks leave empty
struct SummaryRow {
  std::string metric;
  std::string class_name;
  std::optional<double> value;  ///< null where no case defines it
  std::int64_t defined = 0;     ///< cases behind the value
  std::int64_t undefined = 0;   ///< cases without one
  bool operator==(const SummaryRow&) const = default;
};

/// The numbers of many cases. Cases are kept and summed in the order of their positions, so that
/// neither the order of `add` nor the number of ranks changes a bit.
class Summary {
 public:
  /// position: of the case among all cases. Throws std::logic_error for a position added twice.
  void add(std::int64_t position, CaseRows rows);

  /// Every rank gets the cases of all. Collective over the group.
  void merge(Communicator& group);

  std::int64_t size() const { return static_cast<std::int64_t>(cases_.size()); }
  /// In the order of positions.
  std::vector<CaseRows> cases() const;
  /// Class by class: the metrics in the order of a case's rows, the pooled ones, the counts.
  std::vector<SummaryRow> rows() const;
  /// One number for early stopping and the best checkpoint: the mean of rows() over the classes
  /// that define it. Null where none does or the metric is not among the rows.
  std::optional<double> overall(std::string_view metric) const;

 private:
  std::map<std::int64_t, CaseRows> cases_;
};

}  // namespace medsweep::runner
