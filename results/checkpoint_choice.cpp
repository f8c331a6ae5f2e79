#include "results/checkpoint_choice.h"

#include <algorithm>
#include <map>

#include "results/layout.h"

namespace medsweep::results {

namespace fs = std::filesystem;

std::vector<fs::path> checkpoint_folders(const fs::path& trial_folder) {
  std::vector<fs::path> folders;
  const fs::path parent = checkpoints_folder(trial_folder);
  if (!fs::is_directory(parent)) return folders;
  for (const auto& entry : fs::directory_iterator(parent)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with("step-") && !name.ends_with(".tmp"))
      folders.push_back(entry.path());
  }
  // Steps of more than six digits: longer names are newer.
  std::ranges::sort(folders, [](const fs::path& a, const fs::path& b) {
    const std::string left = a.filename(), right = b.filename();
    return left.size() != right.size() ? left.size() < right.size() : left < right;
  });
  return folders;
}

std::set<std::string> needed_checkpoints(const fs::path& trial_folder,
                                         const std::vector<CheckpointEntry>& recorded) {
  std::set<std::string> needed;
  const std::vector<fs::path> folders = checkpoint_folders(trial_folder);
  if (!folders.empty()) needed.insert(folders.back().filename().string());
  std::map<std::string, std::string> best;  // metric -> its newest best, in the order of steps
  for (const CheckpointEntry& entry : recorded) {
    const std::string name = fs::path(entry.path).filename().string();
    const bool is_there =
        std::ranges::any_of(folders, [&](auto& f) { return f.filename() == name; });
    if (!entry.best.empty() && is_there) best[entry.best] = name;
  }
  for (const auto& [metric, name] : best) needed.insert(name);
  return needed;
}

}  // namespace medsweep::results
