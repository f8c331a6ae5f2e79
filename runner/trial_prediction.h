#pragma once

#include "runner/prediction.h"
#include "runner/settings.h"

namespace medsweep::runner {

/// How a trial's samples are predicted: patch, overlap, mirroring; a sample at a time.
PredictionOptions prediction_options(const TrialSettings& settings);

}  // namespace medsweep::runner
