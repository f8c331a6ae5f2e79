#pragma once

#include <mpi.h>

#include <memory>
#include <vector>

#include "runner/distributed/trial_queue.h"

namespace medsweep::runner {

/// Collective over `comm`. trials: rank 0's count. askers: how many leaders will ask, the same on
/// every rank.
std::unique_ptr<TrialQueue> mpi_trial_queue(MPI_Comm comm, std::vector<std::int64_t> trials,
                                            int askers);

}  // namespace medsweep::runner
