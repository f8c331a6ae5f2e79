#include "runner/metrics/all_metrics.h"

#include <algorithm>

#include "runner/metrics/detection/detection_metrics.h"
#include "runner/metrics/metrics.h"

namespace medsweep::runner {

std::vector<Row> all_metric_rows() {
  std::vector<Row> rows = metric_rows();
  for (const Row& row : detection_metric_rows()) rows.push_back(row);
  return rows;
}

Direction direction_of_any(std::string_view metric) {
  return is_detection_metric(metric) ? detection_direction_of(metric) : direction_of(metric);
}

bool is_detection_metric(std::string_view metric) {
  return std::ranges::any_of(detection_metric_rows(),
                             [&](const Row& row) { return row.name == metric; });
}

}  // namespace medsweep::runner
