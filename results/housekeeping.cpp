#include "results/housekeeping.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "base/catalog.h"
#include "results/checkpoint_choice.h"
#include "results/citations.h"
#include "results/journal.h"
#include "results/layout.h"
#include "results/record.h"

namespace medsweep::results {
namespace {

namespace fs = std::filesystem;

// Of a file, or of everything under a folder.
std::int64_t bytes_under(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path)) {
    const auto size = fs::file_size(path, error);
    return error ? 0 : static_cast<std::int64_t>(size);
  }
  std::int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path, error))
    if (entry.is_regular_file(error)) bytes += static_cast<std::int64_t>(entry.file_size(error));
  return bytes;
}

CleanUp::Item item(const fs::path& path, std::string why) {
  return {path, bytes_under(path), std::move(why)};
}

fs::path existing_study(const Housekeeping& where) {
  fs::path folder = study_folder(where.runs_folders.front(), where.study);
  if (where.study.empty() || !fs::is_directory(folder))
    throw std::invalid_argument(fmt::format(
        "[{}] no such study folder; give the name of a study that has run", folder.string()));
  return folder;
}

bool is_older(const fs::path& path, std::chrono::seconds age) {
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - written > age;
}

void refuse_cited(const std::string& what, const std::vector<std::string>& studies) {
  if (!studies.empty())
    throw std::invalid_argument(fmt::format("[{}] is needed by the {} {}; remove {} first", what,
                                            studies.size() == 1 ? "study" : "studies",
                                            fmt::join(studies, ", "),
                                            studies.size() == 1 ? "it" : "them"));
}

// A killed job stays "running" in its journal: after this it counts as gone.
constexpr double kGoneAfterSeconds = 600;

void refuse_running(const std::string& what, const TrialProgress& progress) {
  if (progress.state == TrialState::kRunning &&
      now_seconds() - progress.last_heard < kGoneAfterSeconds)
    throw std::invalid_argument(
        fmt::format("[{}] is running on {}; stop it first", what, progress.host));
}

// Identity -> name of every trial that the journals or the folders know.
std::map<std::string, std::string> known_trials(const fs::path& folder, const Housekeeping& where,
                                                const Index& index) {
  auto trials = index.trials_of(where.study);
  if (fs::is_directory(folder / "trials"))
    for (const auto& entry : fs::directory_iterator(folder / "trials"))
      trials.try_emplace(entry.path().filename().string(), "");
  return trials;
}

void collect_temporaries(const fs::path& folder, std::chrono::seconds age, CleanUp& clean_up) {
  for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::end(entry); ++entry) {
    const std::string name = entry->path().filename().string();
    const bool is_claim = name == "claim";
    if ((!name.ends_with(".tmp") && !is_claim) || !is_older(entry->path(), age)) continue;
    clean_up.remove.push_back(item(entry->path(), is_claim ? "stale claim" : "unfinished write"));
    entry.disable_recursion_pending();
  }
}

void collect_checkpoints(const fs::path& trial, const std::string& identity, const Index& index,
                         const std::vector<std::string>& citing, CleanUp& clean_up) {
  const std::set<std::string> needed = needed_checkpoints(trial, index.checkpoints(identity));
  for (const fs::path& checkpoint : checkpoint_folders(trial)) {
    if (needed.contains(checkpoint.filename().string())) continue;
    if (citing.empty())
      clean_up.remove.push_back(item(checkpoint, "neither newest nor best of a finished trial"));
    else
      clean_up.keep.push_back(
          item(checkpoint, fmt::format("needed by {}", fmt::join(citing, ", "))));
  }
}

}  // namespace

CleanUp plan_remove_study(const Housekeeping& where, const Index& index) {
  const fs::path folder = existing_study(where);
  const Citations citations(where.runs_folders, where.study);
  refuse_cited(where.study, {citations.of_study().begin(), citations.of_study().end()});
  for (const auto& [identity, name] : known_trials(folder, where, index)) {
    const std::string what = fmt::format("{}/{}", where.study, name.empty() ? identity : name);
    refuse_cited(what, citations.of_trial(identity, name));
    refuse_running(what, index.progress(identity));
  }
  return {.remove = {item(folder, "the study")}};
}

CleanUp plan_remove_trial(const Housekeeping& where, const Index& index, const std::string& trial) {
  const fs::path folder = existing_study(where);
  const auto trials = known_trials(folder, where, index);
  const Citations citations(where.runs_folders, where.study);
  CleanUp clean_up;
  std::vector<std::string_view> known;
  for (const auto& [identity, name] : trials) {
    known.push_back(name.empty() ? identity : name);
    if (trial != identity && trial != name) continue;
    std::vector<std::string> citing = citations.of_trial(identity, name);
    citing.insert(citing.end(), citations.of_study().begin(), citations.of_study().end());
    refuse_cited(fmt::format("{}/{}", where.study, trial), citing);
    refuse_running(fmt::format("{}/{}", where.study, trial), index.progress(identity));
    clean_up.trials.push_back(identity);
    if (fs::exists(trial_folder(folder, identity)))
      clean_up.remove.push_back(item(trial_folder(folder, identity), "the trial"));
  }
  if (!clean_up.trials.empty()) return clean_up;
  if (known.empty())
    throw std::invalid_argument(fmt::format("[{}] has no trials yet", where.study));
  throw std::invalid_argument(unknown_name("trial", trial, known));
}

CleanUp plan_collect(const Housekeeping& where, const Index& index,
                     std::chrono::seconds stale_after) {
  const fs::path folder = existing_study(where);
  const Citations citations(where.runs_folders, where.study);
  CleanUp clean_up;
  collect_temporaries(folder, stale_after, clean_up);
  for (const auto& [identity, name] : known_trials(folder, where, index)) {
    if (index.progress(identity).state != TrialState::kDone) continue;
    std::vector<std::string> citing = citations.of_trial(identity, name);
    citing.insert(citing.end(), citations.of_study().begin(), citations.of_study().end());
    collect_checkpoints(trial_folder(folder, identity), identity, index, citing, clean_up);
  }
  return clean_up;
}

std::string clean_up_text(const CleanUp& clean_up) {
  std::string text;
  std::int64_t total = 0;
  const auto megabytes = [](std::int64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  for (const CleanUp::Item& item : clean_up.remove) {
    text += fmt::format("remove {}  {:.1f} MB  {}\n", item.path.string(), megabytes(item.bytes),
                        item.why);
    total += item.bytes;
  }
  for (const CleanUp::Item& item : clean_up.keep)
    text += fmt::format("keep   {}  {:.1f} MB  {}\n", item.path.string(), megabytes(item.bytes),
                        item.why);
  return text + fmt::format("{:.1f} MB in {} places\n", megabytes(total), clean_up.remove.size());
}

void carry_out(const CleanUp& clean_up, const Housekeeping& where) {
  if (!clean_up.trials.empty()) {
    Journal journal(study_folder(where.runs_folders.front(), where.study), "remove");
    for (const std::string& trial : clean_up.trials) journal.append(record(RemovedRecord{trial}));
    journal.sync();
  }
  for (const CleanUp::Item& item : clean_up.remove) fs::remove_all(item.path);
}

}  // namespace medsweep::results
