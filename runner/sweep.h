#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runner/distributed/communicator.h"
#include "runner/exit_codes.h"
#include "runner/frozen.h"

namespace medsweep::runner {

struct SweepOptions : FreezeOptions {
  std::vector<std::string> command;  ///< for the journal
};

/// Runs a study: freezes it, hands its unfinished trials to groups of ranks, makes the
/// ensembles whose trials are finished (make_ensembles.h), prints the table.
/// Collective over all ranks of the job; started again, it goes on. Returns the exit code, the
/// same on all ranks.
/// Throws std::invalid_argument for what is wrong with the study, on all ranks.
ExitCode run_sweep(const SweepOptions& options, Communicator& world);

/// Prints on rank 0 which trials run_sweep would run now, and freezes nothing.
ExitCode dry_run(const SweepOptions& options, Communicator& world);

}  // namespace medsweep::runner
