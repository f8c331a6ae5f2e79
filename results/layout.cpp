#include "results/layout.h"

#include <algorithm>
#include <sstream>
#include <system_error>

namespace medsweep::results {
namespace fs = std::filesystem;

fs::path study_folder(const fs::path& runs, const std::string& study) { return runs / study; }
fs::path frozen_study(const fs::path& study_folder) { return study_folder / "study.toml"; }
fs::path journal_folder(const fs::path& study_folder) { return study_folder / "journal"; }
fs::path trial_folder(const fs::path& study_folder, const std::string& identity) {
  return study_folder / "trials" / identity;
}
fs::path checkpoints_folder(const fs::path& trial_folder) { return trial_folder / "checkpoints"; }
fs::path claim_file(const fs::path& trial_folder) { return trial_folder / "claim"; }

std::vector<fs::path> study_folders(const fs::path& runs) {
  std::vector<fs::path> folders;
  if (!fs::is_directory(runs)) return folders;
  for (const auto& entry : fs::directory_iterator(runs))
    if (fs::is_directory(journal_folder(entry.path())) || fs::exists(frozen_study(entry.path())))
      folders.push_back(entry.path());
  std::ranges::sort(folders);
  return folders;
}

std::vector<fs::path> journal_files(const fs::path& study_folder) {
  std::vector<fs::path> files;
  const fs::path folder = journal_folder(study_folder);
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::vector<fs::path> runs_folders(const std::string& list) {
  std::vector<fs::path> folders;
  std::istringstream stream(list);
  for (std::string folder; std::getline(stream, folder, ':');)
    if (!folder.empty()) folders.emplace_back(folder);
  if (folders.empty()) folders.emplace_back("runs");
  return folders;
}

}  // namespace medsweep::results
