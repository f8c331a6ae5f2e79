#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/index.h"
#include "results/table_spec.h"

namespace medsweep::results {

struct TrialStatus {
  std::string identity, name = {};
  TrialProgress progress = {};
  std::int64_t epochs = 0;  ///< planned
  bool is_silent = false;   ///< running, but not heard of for `silent_after_seconds`
};

/// A row that is made of trials.
struct EnsembleStatus {
  std::string name = {};
  bool is_done = false;
  std::string waits_for = {};  ///< "trial rgb-s0 is not finished"; empty: nothing but its making
};

/// Where a study stands.
struct Status {
  std::string study = {};
  std::vector<TrialStatus> trials = {};  ///< in the order of the plan
  std::int64_t running = 0, done = 0, failed = 0;
  std::int64_t left = 0;  ///< planned or stopped
  /// Until all running and left trials are done, as many at once as now (at least one); nothing
  /// where no epoch of the study was timed yet.
  std::optional<double> seconds_left = {};
  std::vector<EnsembleStatus> ensembles = {};  ///< whoever asks adds them
};

struct StatusOptions {
  double now = 0;  ///< seconds since 1970
  double silent_after_seconds = 600;
};

Status status_of(const std::string& study, const std::vector<PlannedTrial>& trials,
                 const Index& index, const StatusOptions& options);

/// Counts, time left, each trial that is neither done nor planned, then the ensembles.
std::string status_text(const Status& status, double now);
std::string status_json(const Status& status);

}  // namespace medsweep::results
