#pragma once

#include <filesystem>
#include <optional>

namespace medsweep::runner {

struct Limits {
  double node_memory_bytes = 0;        ///< MemTotal of the machine
  std::optional<double> memory_bytes;  ///< the tightest limit of this process's cgroups
  std::optional<double> cores;         ///< likewise, cores' worth of time
};

/// From proc/meminfo, proc/self/cgroup and sys/fs/cgroup (versions 1 and 2) below `root`.
/// A cgroup's limit holds for all cgroups in it, so all from the process's own to the top count.
/// Throws std::runtime_error where meminfo cannot be read.
Limits read_limits(const std::filesystem::path& root);

}  // namespace medsweep::runner
