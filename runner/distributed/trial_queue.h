#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "runner/distributed/communicator.h"

namespace medsweep::runner {

/// An ordered list of trial numbers on rank 0 of a job, handed out one by one to the groups as they
/// become free, so that no group waits for another. Made by Communicator::trial_queue, on all
/// ranks.
///
/// A thread on rank 0 serves; it polls every 5 ms and never holds up rank 0's own training. Each
/// of the `askers` group leaders asks until it is told that nothing is left.
/// On rank 0 the end of the queue waits until every leader was told so (not while an exception
/// passes); elsewhere it does not wait.
class TrialQueue {
 public:
  virtual ~TrialQueue() = default;
  /// The next trial; none: nothing is left, or the queue was cancelled, and one does not ask again.
  /// Only on group leaders.
  virtual std::optional<std::int64_t> next() = 0;
  /// From now on nothing is handed out; any rank. Trials that are running are not touched.
  virtual void cancel() = 0;
};

/// For one process.
std::unique_ptr<TrialQueue> single_trial_queue(std::vector<std::int64_t> trials);

}  // namespace medsweep::runner
