#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "runner/doctor.h"
#include "runner/doctor/rank_facts.h"
#include "runner/doctor/storage.h"

namespace medsweep::runner {

/// Each check judges facts and asks nobody: facts[i] are rank i's.
Finding check_ranks(const std::vector<RankFacts>& facts);
Finding check_mpi_library(const std::vector<RankFacts>& facts);
/// Threads of each rank against its cores, and of all ranks of a node against theirs: two ranks
/// bound to one core is the classic.
Finding check_threads(const std::vector<RankFacts>& facts);
/// What the ranks of the fullest node will take against its limit.
Finding check_memory(const std::vector<RankFacts>& facts, double memory_per_rank_bytes);
Finding check_gpus(const std::vector<RankFacts>& facts);

/// What a folder's file system has left.
struct DiskFacts {
  std::filesystem::path folder;  ///< or the nearest folder above that exists
  double free_bytes = 0;
  std::optional<double> free_files;  ///< none: the file system does not count them
  bool has_quota = false;            ///< the user's quota is in the numbers
  bool is_remote = false;            ///< NFS, Lustre, ...: a quota cannot be seen from here
};
/// Throws std::runtime_error.
DiskFacts read_disk_facts(const std::filesystem::path& folder);

/// Room and files.
std::vector<Finding> check_disk(const DiskFacts& facts);
/// One finding for each measurement and one for the verdict.
std::vector<Finding> check_storage(const StorageFacts& facts);

}  // namespace medsweep::runner
