#pragma once

#include <functional>
#include <optional>
#include <string>

namespace medsweep::runner {

enum class Launcher {
  kAlone,             ///< started by hand: one process
  kMpirun,            ///< Open MPI's mpirun, alone or within a Slurm job
  kPmix,              ///< srun --mpi=pmix, or another PMIx server
  kSlurmWithoutPmix,  ///< srun without PMIx: each task would think that it is alone
};

struct Launch {
  Launcher launcher = Launcher::kAlone;
  std::optional<int> processes;  ///< in all, where the launcher says so
};

/// A variable's value; null where it is not set.
using Environment = std::function<const char*(const char*)>;

/// Who started this process, from the variables that launchers set. Asks no MPI.
Launch detect_launch(const Environment& environment);
/// From this process's own environment.
Launch detect_launch();

/// "alone", "mpirun", "pmix" or "srun without pmix".
std::string to_string(Launcher launcher);

}  // namespace medsweep::runner
