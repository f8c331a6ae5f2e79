#pragma once

#include <map>
#include <string>

#include "runner/settings.h"

namespace medsweep::runner {

/// Seconds of a training from a few timed steps on the first batches of its data, on one rank with
/// this process's threads and that rank's share of the batch, with initial weights. Each kind of
/// trial is timed once, with the layers of each of its stages. Evaluation is not in it: the
/// estimate is a lower bound that is close where training is what takes the time. A network that
/// finds objects samples more regions that fit once it finds more, so its later steps take somewhat
/// longer.
class ProbedSeconds {
 public:
  /// kind: what all trials share that take as long. Throws what the data files throw.
  double training_seconds(const std::string& kind, const TrialSettings& settings);

 private:
  std::map<std::string, double> epoch_seconds_;  // of one stage
};

}  // namespace medsweep::runner
