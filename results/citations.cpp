#include "results/citations.h"

#include <regex>

#include "base/files.h"
#include "results/layout.h"

namespace medsweep::results {

namespace fs = std::filesystem;

Citations::Citations(const std::vector<fs::path>& runs_folders, const std::string& study) {
  for (const fs::path& runs : runs_folders)
    for (const fs::path& folder : study_folders(runs))
      if (folder.filename() != study && fs::exists(frozen_study(folder)))
        read(folder.filename().string(), read_file(frozen_study(folder)), study);
}

void Citations::read(const std::string& from, const std::string& text, const std::string& study) {
  // The text is scanned, not parsed: whatever table holds an identity, the trial is cited.
  static const std::regex kIdentity(R"(\b[0-9a-f]{16}\b)");
  static const std::regex kName(R"(trial:([^"'\s]+))");
  static const std::regex kNeeds(R"(\bneeds\s*=\s*\[([^\]]*)\])");
  static const std::regex kQuoted(R"(["']([^"']+)["'])");
  const std::sregex_iterator end;
  for (std::sregex_iterator hit(text.begin(), text.end(), kIdentity); hit != end; ++hit)
    by_identity_[hit->str()].insert(from);
  for (std::sregex_iterator hit(text.begin(), text.end(), kName); hit != end; ++hit)
    by_name_[hit->str(1)].insert(from);
  for (std::sregex_iterator hit(text.begin(), text.end(), kNeeds); hit != end; ++hit) {
    const std::string list = hit->str(1);
    for (std::sregex_iterator entry(list.begin(), list.end(), kQuoted); entry != end; ++entry)
      if (fs::path(entry->str(1)).stem() == study) of_study_.insert(from);
  }
}

std::vector<std::string> Citations::of_trial(const std::string& identity,
                                             const std::string& name) const {
  std::set<std::string> studies;
  if (const auto found = by_identity_.find(identity); found != by_identity_.end())
    studies.insert(found->second.begin(), found->second.end());
  if (const auto found = by_name_.find(name); found != by_name_.end())
    studies.insert(found->second.begin(), found->second.end());
  return {studies.begin(), studies.end()};
}

}  // namespace medsweep::results
