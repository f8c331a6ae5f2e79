#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runner/distributed/communicator.h"

namespace medsweep::runner {

/// The ranks of a job, divided among trials that run at the same time.
struct Groups {
  std::unique_ptr<Communicator> mine;  ///< null: this rank is left over and stays idle
  int index = -1;                      ///< of mine; -1: idle
  int count = 0;
  std::vector<int> idle_ranks;       ///< do not fill a group
  std::vector<int> spanning_groups;  ///< have ranks on more than one node
};

/// Groups of `ranks_per_trial`, ranks of one node together where possible. Collective.
/// Throws std::invalid_argument when there are fewer ranks than that.
Groups split_into_groups(Communicator& world, int ranks_per_trial);

/// The group of each rank, -1 for idle ones; groups are numbered by their lowest rank.
/// nodes: where each rank runs.
std::vector<int> assign_groups(const std::vector<std::string>& nodes, int ranks_per_trial);

}  // namespace medsweep::runner
