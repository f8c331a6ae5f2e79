#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/metrics/metrics.h"
#include "runner/training.h"

namespace medsweep::runner {

/// metric -> its mean over cases and classes, and "loss". Undefined ones are left out.
using EpochScores = std::map<std::string, double>;

/// Evaluates the validation samples by what is cheap (counts, not distances) and what the best
/// checkpoint, early stopping and the schedule observe; journals every case. The same on all ranks.
EpochScores evaluate_epoch(Training& training);

/// The metrics of a finished trial: [trial] metrics, else all that its network and the data's
/// spacing allow.
std::vector<std::string> finished_metrics(const TrialSettings& settings, Spacing spacing);

/// Evaluates validation and test samples by all the trial's metrics, at the end.
void evaluate_finished(Training& training);

/// Tells schedule, early stopping and the best checkpoint's record what the epoch gave.
void observe_scores(Training& training, const EpochScores& scores);

/// "dice 0.8812", for the progress line; empty without one.
std::string remark_of(const EpochScores& scores);

}  // namespace medsweep::runner
