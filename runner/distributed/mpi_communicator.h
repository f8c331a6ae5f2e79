#pragma once

#include <mpi.h>

#include <chrono>
#include <memory>

#include "runner/distributed/communicator.h"

namespace medsweep::runner {

struct MpiOptions {
  /// How long a rank of a group made by split() waits for the others before it throws
  /// CollectiveTimeout. The ranks of a whole job wait for ever: at the end of a sweep some are idle
  /// for days.
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
};

/// All ranks of `comm` (duplicated: the caller keeps its own). Collective over `comm`.
std::unique_ptr<Communicator> mpi_communicator(MPI_Comm comm, const MpiOptions& options = {});

}  // namespace medsweep::runner
