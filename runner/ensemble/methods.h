#pragma once

#include <string_view>
#include <vector>

#include "base/catalog.h"

namespace medsweep::runner {

/// How several trials' predictions of one image become one (combine_detections.h,
/// combine_labels.h). "Bagging": Breiman, Machine Learning 24 (1996).
enum class EnsembleMethod { kVote, kMean, kUnion };

/// Throws std::invalid_argument for an unknown name, with the nearest known one.
EnsembleMethod ensemble_method(std::string_view name);

/// The table, for `runner list ensemble`, `runner ensemble --method` and the study language.
std::vector<Row> ensemble_rows();

}  // namespace medsweep::runner
