#pragma once

#include <filesystem>
#include <functional>

#include "results/journal.h"
#include "runner/distributed/communicator.h"
#include "runner/progress.h"
#include "sweeps/trial.h"

namespace medsweep::runner {

/// What became of a trial that a group of ranks took.
enum class TrialEnding {
  kFinished,   ///< here, or by another sweep since this one began
  kStopped,    ///< by a signal; it goes on from its checkpoint
  kFailed,     ///< recorded with its class; the sweep goes on
  kElsewhere,  ///< another sweep is training it
};

/// Where a group trains. `journal` and `progress` are the leader's, null on other ranks.
struct TrialSite {
  Communicator& group;
  results::Journal* journal;
  Progress* progress;
  std::filesystem::path study_folder;
  std::function<bool()> stop_requested;
  /// Whether the results have the trial by now; asked on the leader, who holds its claim.
  std::function<bool(const sweeps::Trial&)> is_finished;
};

/// Trains and evaluates one trial on a group of ranks. Collective; all ranks return the same.
///
/// A failure that all ranks see (bad data, a loss that is not a number, anything on a group of
/// one) is recorded and returned. Another one leaves the ranks of a larger group in different
/// places: it is recorded and thrown, and the job has to end.
TrialEnding run_trial(const sweeps::Trial& trial, const TrialSite& site);

}  // namespace medsweep::runner
