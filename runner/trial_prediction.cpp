#include "runner/trial_prediction.h"

#include "runner/trial_data.h"

namespace medsweep::runner {

PredictionOptions prediction_options(const TrialSettings& settings) {
  PredictionOptions options;
  options.patch = extent_from(settings.patch);
  options.overlap = settings.overlap;
  options.mirroring = settings.mirror ? Mirroring::kAll : Mirroring::kNone;
  return options;
}

}  // namespace medsweep::runner
