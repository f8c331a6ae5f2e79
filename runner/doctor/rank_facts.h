#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runner/threads.h"

namespace medsweep::runner {

/// What one rank was given.
struct RankFacts {
  RankPlace place;            ///< node, and the cores that the scheduler lets it run on
  int threads = 0;            ///< OMP_NUM_THREADS; 0: not set, thread_share() decides
  double core_quota = 0;      ///< cores' worth of time that its cgroup allows; 0: no limit
  double memory_bytes = 0;    ///< of the node or of the cgroup, whichever is less
  std::string memory_source;  ///< "node" or "cgroup"
  int gpus = 0;
  std::string launcher;  ///< "mpirun", ...
  int slurm_tasks = 0;   ///< of the Slurm job; 0: in none
  std::string mpi_library, mpi_thread_level;
};

/// This process's. root: where proc/ and sys/ are. Throws std::runtime_error.
RankFacts read_rank_facts(const std::filesystem::path& root);

nlohmann::ordered_json to_json(const RankFacts& facts);
RankFacts rank_facts_from_json(const nlohmann::json& json);

}  // namespace medsweep::runner
