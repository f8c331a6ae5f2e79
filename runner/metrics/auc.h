#pragma once

#include <cstdint>
#include <optional>

#include "runner/metrics/case.h"

namespace medsweep::runner {

/// The area under the receiver operating characteristic of one class against all others, over the
/// valid voxels: the fraction of (positive, negative) pairs that the probability orders rightly, a
/// tie counting half. Exact, equal to scikit-learn's roc_auc_score.
/// Hanley, McNeil: The meaning and use of the area under a ROC curve, Radiology 143 (1982).
///
/// Of a checked case with probabilities. Undefined without positives, without negatives, or where
/// a probability is not a number.
std::optional<double> auc(const Case& whole, std::uint8_t label);

}  // namespace medsweep::runner
