#pragma once

#include <map>
#include <string>

#include "datasets/batch.h"
#include "runner/settings.h"
#include "runner/trial_model.h"

namespace medsweep::runner {

/// Seconds of an epoch from a few timed training steps on made-up data of the trial's size, on one
/// rank with this process's threads. Each distinct combination of network, batch and precision is
/// timed once. Reading and evaluation are not in it: the estimate is a lower bound that is close
/// where the network is what takes the time.
class ProbedSeconds {
 public:
  double epoch_seconds(const TrialSettings& settings, const DataShape& shape,
                       const datasets::Extent& extent);

 private:
  std::map<std::string, double> step_seconds_;
};

}  // namespace medsweep::runner
