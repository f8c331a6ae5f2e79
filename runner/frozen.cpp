#include "runner/frozen.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <iostream>
#include <optional>
#include <utility>

#include "base/files.h"
#include "results/layout.h"
#include "runner/ensemble/study_ensembles.h"
#include "runner/group_error.h"
#include "runner/settings.h"
#include "runner/trial_weights.h"
#include "sweeps/freeze.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

sweeps::StudyOptions language_options(const FreezeOptions& options) {
  sweeps::StudyOptions language{options.set, {}};
  if (options.ranks_per_trial > 0)
    language.set.push_back(fmt::format("ranks_per_trial={}", options.ranks_per_trial));
  return language;
}

FrozenStudy from_frozen(const sweeps::Frozen& frozen, const std::string& text) {
  FrozenStudy study{.name = frozen.name,
                    .text = text,
                    .trials = frozen.trials,
                    .tables = frozen.tables,
                    .ensembles = frozen.ensembles,
                    .notes = frozen.notes};
  if (study.trials.empty())
    throw std::invalid_argument(
        fmt::format("[study {}] no trial is left; at least one is allowed", study.name));
  for (const sweeps::Trial& trial : study.trials) {
    const std::int64_t ranks = read_settings(trial).ranks_per_trial;
    if (study.ranks_per_trial != 0 && ranks != study.ranks_per_trial)
      throw std::invalid_argument(
          fmt::format("[ranks_per_trial] {} and {}; one number for all of "
                      "a study's trials is allowed",
                      study.ranks_per_trial, ranks));
    study.ranks_per_trial = ranks;
  }
  return study;
}

/// Answers y on the terminal: add the new trials.
bool wants_to_extend(const std::string& difference) {
  std::cerr << difference << "\nAdd the new trials (y), or go on with the frozen study (n)? ";
  std::string answer;
  if (!std::getline(std::cin, answer)) throw std::invalid_argument(difference);
  return answer.starts_with("y") || answer.starts_with("Y");
}

/// The study that runs, given what stands in its folder.
sweeps::Frozen settle(const FreezeOptions& options, const fs::path& file, sweeps::Study& study,
                      bool may_ask) {
  sweeps::Frozen frozen = sweeps::parse_frozen(read_file(file), file.string());
  if (options.on_difference == OnDifference::kSameCode) {
    const auto kept = sweeps::keep_identities(frozen, study);
    if (!kept.empty())
      study.notes.push_back(
          fmt::format("--same-code: results of edited code stand for {}", fmt::join(kept, ", ")));
  }
  const sweeps::Difference difference = sweeps::difference(frozen, study);
  OnDifference decision = options.on_difference;
  if (!difference.empty() && decision == OnDifference::kAsk) {
    if (!may_ask || isatty(STDIN_FILENO) == 0)
      throw std::invalid_argument(sweeps::in_words(difference));
    decision = wants_to_extend(sweeps::in_words(difference)) ? OnDifference::kExtend
                                                             : OnDifference::kFrozen;
  }
  if (decision == OnDifference::kFrozen) return frozen;
  return difference.empty() ? sweeps::freeze(study) : sweeps::extend(frozen, study);
}

void check_needs(const sweeps::Study& study, const FreezeOptions& options) {
  if (!study.missing.empty())
    throw std::invalid_argument(
        fmt::format("[study {}] missing: {}", study.name, fmt::join(study.missing, ", ")));
  for (const fs::path& need : study.needs) {
    const FrozenStudy needed = study_of_results(need, options.runs);
    const results::Index index(options.runs);
    for (const sweeps::Trial& trial : needed.trials)
      if (!is_finished(trial, index))
        throw std::invalid_argument(
            fmt::format("[study {}] it needs {}, whose trial {} is not finished; run that first",
                        study.name, need.string(), trial.name));
  }
}

/// What the frozen study said of its ranks holds until somebody says otherwise: the study with
/// them.
sweeps::Study with_frozen_ranks(const FreezeOptions& options, const fs::path& file,
                                sweeps::Study study) {
  if (options.ranks_per_trial > 0 || !fs::exists(file) || study.trials.empty()) return study;
  const sweeps::Frozen frozen = sweeps::parse_frozen(read_file(file), file.string());
  if (frozen.trials.empty()) return study;
  const std::int64_t ranks = read_settings(frozen.trials.front()).ranks_per_trial;
  if (ranks == read_settings(study.trials.front()).ranks_per_trial) return study;
  sweeps::StudyOptions language = language_options(options);
  language.set.push_back(fmt::format("ranks_per_trial={}", ranks));
  return sweeps::load_study(options.study, study_schema(options.runs), language);
}

/// The frozen text, and where it belongs.
struct Settled {
  std::string text;
  fs::path file;
};

Settled settled_study(const FreezeOptions& options, bool may_ask) {
  sweeps::StudyOptions language = language_options(options);
  sweeps::Study study = sweeps::load_study(options.study, study_schema(options.runs), language);
  const fs::path file =
      results::frozen_study(results::study_folder(options.runs.front(), study.name));
  study = with_frozen_ranks(options, file, std::move(study));
  check_needs(study, options);
  const sweeps::Frozen settled =
      fs::exists(file) ? settle(options, file, study, may_ask) : sweeps::freeze(study);
  study_ensembles(settled.ensembles, settled.trials);
  return {sweeps::frozen_text(settled), file};
}

std::string freeze_on_leader(const FreezeOptions& options, bool may_ask) {
  const Settled settled = settled_study(options, may_ask);
  fs::create_directories(settled.file.parent_path());
  if (!fs::exists(settled.file) || read_file(settled.file) != settled.text)
    write_file_atomically(settled.file, settled.text);
  return settled.text;
}

/// Identities of the trials that --only leaves, a line each; empty where it is not given.
std::string chosen_trials(const FreezeOptions& options) {
  if (options.only.empty()) return {};
  sweeps::StudyOptions language = language_options(options);
  language.only = options.only;
  std::string identities;
  for (const auto& trial :
       sweeps::load_study(options.study, study_schema(options.runs), language).trials)
    identities += trial.identity + "\n";
  return identities;
}

void choose(const std::string& identities, FrozenStudy& study) {
  for (const sweeps::Trial& trial : study.trials)
    if (identities.empty() || identities.find(trial.identity) != std::string::npos)
      study.chosen.insert(trial.identity);
}

}  // namespace

FrozenStudy freeze_study(const FreezeOptions& options, Communicator& world) {
  std::string text, chosen, refusal;
  on_all_ranks(world, [&] {
    if (world.rank() != 0) return;
    try {
      text = freeze_on_leader(options, world.size() == 1);
      chosen = chosen_trials(options);
    } catch (const std::invalid_argument& error) {
      refusal = error.what();
    }
  });
  refusal = world.broadcast(refusal);
  if (!refusal.empty()) throw StudyRefused(refusal);
  text = world.broadcast(text);
  FrozenStudy study = from_frozen(sweeps::parse_frozen(text, "study.toml"), text);
  choose(world.broadcast(chosen), study);
  return study;
}

FrozenStudy study_to_run(const FreezeOptions& options) {
  const Settled settled = settled_study(options, false);
  FrozenStudy study =
      from_frozen(sweeps::parse_frozen(settled.text, settled.file.string()), settled.text);
  choose(chosen_trials(options), study);
  return study;
}

FrozenStudy study_of_results(const fs::path& study, const std::vector<fs::path>& runs) {
  std::string name = study.string();
  std::optional<sweeps::Study> loaded;
  if (fs::exists(study)) {
    loaded = sweeps::load_study(study, study_schema(runs));
    name = loaded->name;
  }
  for (const fs::path& folder : runs) {
    const fs::path file = results::frozen_study(results::study_folder(folder, name));
    if (!fs::exists(file)) continue;
    const std::string text = read_file(file);
    return from_frozen(sweeps::parse_frozen(text, file.string()), text);
  }
  if (!loaded)
    throw std::invalid_argument(fmt::format(
        "[study] '{}' is neither a study file nor a study in {}", name, runs.front().string()));
  const sweeps::Frozen frozen = sweeps::freeze(*loaded);
  return from_frozen(frozen, sweeps::frozen_text(frozen));
}

FrozenStudy study_with_ensembles(const fs::path& study, const std::vector<fs::path>& runs) {
  FrozenStudy results = study_of_results(study, runs);
  if (!fs::exists(study)) return results;
  results.ensembles = sweeps::load_study(study, study_schema(runs)).ensembles;
  study_ensembles(results.ensembles, results.trials);
  const fs::path file = results::frozen_study(results::study_folder(runs.front(), results.name));
  if (!fs::exists(file)) return results;
  sweeps::Frozen frozen = sweeps::parse_frozen(read_file(file), file.string());
  if (frozen.ensembles == results.ensembles) return results;
  frozen.ensembles = results.ensembles;
  results.text = sweeps::frozen_text(frozen);
  write_file_atomically(file, results.text);
  return results;
}

bool is_finished(const sweeps::Trial& trial, const results::Index& index) {
  const results::TrialProgress progress = index.progress(trial.identity);
  const TrialSettings settings = read_settings(trial);
  // Early stopping ends a trial before its epochs.
  return progress.state == results::TrialState::kDone &&
         (progress.epochs >= settings.epochs || !settings.early_stop.empty());
}

}  // namespace medsweep::runner
