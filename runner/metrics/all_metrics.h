#pragma once

#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "runner/metrics/direction.h"

namespace medsweep::runner {

/// The metrics of label maps and those of found objects, as rows of the kind "metrics".
std::vector<Row> all_metric_rows();

/// Which way any of them is better. Throws std::invalid_argument for an unknown metric.
Direction direction_of_any(std::string_view metric);

/// Whether it is one of found objects.
bool is_detection_metric(std::string_view metric);

}  // namespace medsweep::runner
