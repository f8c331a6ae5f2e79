#include "runner/data_users.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "runner/settings.h"
#include "runner/trial_data.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;
using datasets::Comparison;
using datasets::SampleDifference;
using CasesOfSamples = std::map<std::string, std::string>;  // sample -> case
using Used = DataUser::Used;

/// Samples in question of one of the two files.
struct Affected {
  std::string digest;
  fs::path path;
  CasesOfSamples samples;
};

Affected affected(const datasets::ComparedFile& file,
                  std::initializer_list<const std::vector<SampleDifference>*> lists) {
  Affected found{file.digest, fs::absolute(file.path).lexically_normal(), {}};
  for (const auto* list : lists)
    for (const SampleDifference& sample : *list) found.samples[sample.sample] = sample.case_name;
  return found;
}

TrialSettings settings_of(const results::TrialEntry& entry) {
  sweeps::Trial trial;
  trial.name = entry.name;
  trial.identity = entry.trial;
  trial.knobs = entry.knobs;
  return read_settings(trial);
}

/// What the journal says; of older journals, what the knobs name.
std::vector<results::DataEntry> files_of(const results::Index& index,
                                         const results::TrialEntry& entry,
                                         const TrialSettings& settings) {
  std::vector<results::DataEntry> files = index.data(entry.trial);
  if (!files.empty()) return files;
  for (const DataSource& source : settings.dataset) files.push_back({"", source.file, ""});
  for (const std::string& file : settings.evaluate.datasets)
    files.push_back({fs::path(file).filename().string(), file, ""});
  return files;
}

bool is_file(const results::DataEntry& entry, const Affected& file) {
  return entry.digest.empty() ? fs::path(entry.file).lexically_normal() == file.path
                              : entry.digest == file.digest;
}

/// Which of a trial's cases are in question, part by part.
class UserCases {
 public:
  UserCases(const results::Index& index, const TrialSettings& settings)
      : parts_(index.split(split_name(settings))), is_pool_(settings.dataset.size() > 1) {}

  void add(const results::DataEntry& entry, const Affected& file) {
    if (!entry.dataset.empty()) {
      for (const auto& [sample, case_name] : file.samples) cases_["test"].insert(case_name);
      return;
    }
    // A pool of several files names its samples with the file's name in front.
    const std::string prefix = is_pool_ ? fs::path(entry.file).stem().string() + ":" : "";
    for (const auto& [sample, case_name] : file.samples)
      if (const auto part = parts_.find(prefix + sample); part != parts_.end())
        cases_[part->second].insert(case_name);
  }

  std::map<std::string, std::vector<std::string>> result() const {
    std::map<std::string, std::vector<std::string>> lists;
    for (const auto& [part, cases] : cases_) lists[part] = {cases.begin(), cases.end()};
    return lists;
  }

 private:
  std::map<std::string, std::string> parts_;  // sample -> part
  bool is_pool_;
  std::map<std::string, std::set<std::string>> cases_;
};

std::optional<DataUser> user_of(const results::Index& index, const results::TrialEntry& entry,
                                const Affected& before, const Affected& after) {
  const TrialSettings settings = settings_of(entry);
  DataUser user{entry.study, entry.name, entry.trial};
  UserCases cases(index, settings);
  for (const results::DataEntry& file : files_of(index, entry, settings)) {
    const bool is_before = is_file(file, before), is_after = is_file(file, after);
    if (is_before) cases.add(file, before);
    if (is_after) cases.add(file, after);
    if (is_before || is_after)
      user.used = file.digest.empty() ? Used::kPath : is_before ? Used::kBefore : Used::kAfter;
  }
  user.cases = cases.result();
  return user.cases.empty() ? std::nullopt : std::optional(user);
}

const char* used_text(Used used) {
  switch (used) {
    case Used::kBefore:
      return "before";
    case Used::kAfter:
      return "after";
    case Used::kPath:
      return "unknown";
  }
  return "";
}

nlohmann::ordered_json samples_json(const std::vector<SampleDifference>& samples) {
  auto list = nlohmann::ordered_json::array();
  for (const SampleDifference& sample : samples)
    list.push_back({{"sample", sample.sample}, {"case", sample.case_name}, {"what", sample.what}});
  return list;
}

nlohmann::ordered_json file_json(const datasets::ComparedFile& file) {
  return {{"path", file.path.string()},
          {"name", file.name},
          {"digest", file.digest},
          {"samples", file.samples}};
}

}  // namespace

std::vector<DataUser> data_users(const Comparison& comparison, const results::Index& index) {
  if (comparison.equal()) return {};
  const Affected before = affected(comparison.before, {&comparison.changed, &comparison.removed});
  const Affected after = affected(comparison.after, {&comparison.changed, &comparison.added});
  std::vector<DataUser> users;
  for (const results::TrialEntry& entry : index.trials())
    if (auto user = user_of(index, entry, before, after)) users.push_back(std::move(*user));
  return users;
}

std::string to_text(const std::vector<DataUser>& users) {
  if (users.empty()) return {};
  std::string text = "\ntrials that used them\n";
  for (const DataUser& user : users) {
    std::vector<std::string> parts;
    for (const auto& [part, cases] : user.cases)
      parts.push_back(fmt::format(
          "{} {} ({})", part, cases.size(),
          fmt::join(cases.begin(), cases.begin() + std::min<std::ptrdiff_t>(std::ssize(cases), 4),
                    ", ")));
    const char* which = user.used == Used::kBefore  ? "the file before"
                        : user.used == Used::kAfter ? "the file after"
                                                    : "a file of this path, which one is not known";
    text += fmt::format("  {}/{} ({}): {}\n", user.study, user.name, which, fmt::join(parts, "; "));
  }
  return text;
}

std::string to_json(const Comparison& comparison, const std::vector<DataUser>& users) {
  nlohmann::ordered_json json{{"equal", comparison.equal()},
                              {"before", file_json(comparison.before)},
                              {"after", file_json(comparison.after)},
                              {"header", comparison.header},
                              {"reordered", comparison.reordered},
                              {"added", samples_json(comparison.added)},
                              {"removed", samples_json(comparison.removed)},
                              {"changed", samples_json(comparison.changed)}};
  json["trials"] = nlohmann::ordered_json::array();
  for (const DataUser& user : users)
    json["trials"].push_back({{"study", user.study},
                              {"name", user.name},
                              {"identity", user.identity},
                              {"used", used_text(user.used)},
                              {"cases", user.cases}});
  return json.dump(2);
}

}  // namespace medsweep::runner
