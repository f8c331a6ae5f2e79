#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "results/index.h"

namespace medsweep::results {

/// The finished checkpoints of a trial's folder, oldest first (by name: step-000123).
std::vector<std::filesystem::path> checkpoint_folders(const std::filesystem::path& trial_folder);

/// The names of the checkpoint folders worth keeping: the newest there is, and, for each metric,
/// the newest that was recorded as its best and is there.
std::set<std::string> needed_checkpoints(const std::filesystem::path& trial_folder,
                                         const std::vector<CheckpointEntry>& recorded);

}  // namespace medsweep::results
