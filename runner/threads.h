#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runner/distributed/communicator.h"

namespace medsweep::runner {

/// Where a rank may run.
struct RankPlace {
  std::string host;
  std::vector<int> cores;  ///< of its affinity mask
  bool operator==(const RankPlace&) const = default;
};

/// This process's place, from the affinity that its launcher gave it.
RankPlace own_place();

/// Compute threads for a rank: its cores, divided among the ranks that share exactly these cores.
/// At least one.
std::int64_t thread_share(const RankPlace& own, const std::vector<RankPlace>& all);

/// Sets torch's threads to OMP_NUM_THREADS where it is set, else to the rank's share, and returns
/// them. Collective over the job.
std::int64_t set_compute_threads(Communicator& world);

}  // namespace medsweep::runner
