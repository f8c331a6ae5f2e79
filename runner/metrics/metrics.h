#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "runner/metrics/case.h"
#include "runner/metrics/direction.h"

namespace medsweep::runner {

/// One number of one class of one case. Undefined is null with its reason, never 0.
struct MetricRow {
  std::string metric;
  std::string class_name;
  std::optional<double> value;
  std::string reason;  ///< why there is no value; empty where there is one

  bool operator==(const MetricRow&) const = default;
};

/// The numbers behind the metrics, in every evaluation: "true_positive", "false_positive",
/// "false_negative", "true_negative" (voxels) and "both_empty" (0 or 1).
const std::vector<std::string>& count_names();

/// The asked metrics of every class, followed by its counts, class by class. Counts, surfaces and
/// distances are made once per class and shared. Throws std::invalid_argument for an unknown
/// metric (with the nearest known one) and for a case whose tensors disagree.
std::vector<MetricRow> evaluate_case(const Case& whole, const std::vector<std::string>& metrics);

/// The metrics of the table in its order; without those in mm where the spacing is unknown.
enum class Spacing { kKnown, kUnknown };
std::vector<std::string> offered_metrics(Spacing spacing);

/// Throws std::invalid_argument for an unknown metric. Pooled metrics ("dice_pooled") have the
/// direction of their own.
Direction direction_of(std::string_view metric);

/// The table, for `runner list metrics` and the study language.
std::vector<Row> metric_rows();

}  // namespace medsweep::runner
