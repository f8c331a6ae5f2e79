#include "runner/ensemble/study_ensembles.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "runner/frozen.h"
#include "runner/knobs.h"
#include "runner/trial_data.h"

namespace medsweep::runner {
namespace {

/// What a trial has beside `over`: labels of axes, seed and fold.
std::vector<std::string> shared_labels(const sweeps::Trial& trial, const std::string& over) {
  std::vector<std::string> labels;
  for (const auto& [axis, label] : trial.labels)
    if (axis != over && axis != "seed" && axis != "fold") labels.push_back(label);
  if (over != "seed") labels.push_back(fmt::format("s{}", trial.seed));
  if (over != "fold" && trial.fold >= 0) labels.push_back(fmt::format("f{}", trial.fold));
  return labels;
}

/// The set of all members' that none of them was trained on; nothing where there is none.
const EvaluationSet* own_samples(const TrialData& data, const std::string& over) {
  if (over == "dataset") return nullptr;
  for (const EvaluationSet& set : data.test)
    if (set.dataset.empty()) return &set;
  return over == "seed" && !data.validation.empty() ? &data.validation.front() : nullptr;
}

/// Everything that the ensemble is judged by; files only where there are any.
std::vector<EnsembleScores> all_scores(const TrialEnsemble& ensemble, const std::string& over) {
  const TrialSettings& settings = ensemble.members().front()->trial().settings;
  std::vector<EnsembleScores> scores;
  const TrialData data = over == "dataset" ? TrialData() : open_trial_data(settings);
  if (const EvaluationSet* own = own_samples(data, over))
    scores.push_back(
        {"", settings.dataset.front().file, ensemble.evaluate(*data.pool, *own->samples)});
  for (const std::string& file : settings.evaluate.datasets)
    scores.push_back(
        {std::filesystem::path(file).filename().string(), file, ensemble.evaluate(file)});
  if (!scores.empty() && !scores.front().dataset.empty()) {
    scores.push_back(scores.front());
    scores.back().dataset.clear();
  }
  return scores;
}

/// The file whose digest is in the identity: the first of all_scores.
std::filesystem::path judging_file(const TrialSettings& settings, const std::string& over) {
  const bool has_test = settings.split.contains("test");
  if (over == "seed" || (over == "fold" && has_test)) return settings.dataset.front().file;
  if (!settings.evaluate.datasets.empty()) return settings.evaluate.datasets.front();
  throw std::invalid_argument(
      fmt::format("[ensemble] over = \"{}\" has no samples that no trial was trained on; [split] "
                  "test{} or [evaluate] datasets is allowed",
                  over, over == "dataset" ? " (with over = \"seed\" or \"fold\")" : ""));
}

}  // namespace

std::vector<StudyEnsemble> study_ensembles(const sweeps::Ensemble& ensemble,
                                           const std::vector<sweeps::Trial>& trials) {
  std::vector<std::vector<std::string>> shared;
  std::vector<StudyEnsemble> groups;
  for (const sweeps::Trial& trial : trials) {
    const auto labels = shared_labels(trial, ensemble.over);
    const auto known = std::ranges::find(shared, labels);
    if (known != shared.end()) {
      groups[static_cast<std::size_t>(known - shared.begin())].trials.push_back(trial);
      continue;
    }
    shared.push_back(labels);
    groups.push_back({{ensemble.name, ensemble.name}, ensemble, {trial}});
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].trials.size() < 2)
      throw std::invalid_argument(
          fmt::format("[ensemble] {}: {} alone, nothing varies over \"{}\"; two trials or more are "
                      "allowed",
                      ensemble.name, groups[i].trials.front().name, ensemble.over));
    if (groups.size() > 1) groups[i].name.name += fmt::format("-{}", fmt::join(shared[i], "-"));
  }
  return groups;
}

StudyEnsembles::StudyEnsembles(const std::filesystem::path& study,
                               const std::vector<std::filesystem::path>& runs)
    : runs_(runs) {
  const auto ensembles = sweeps::load_ensembles(study, make_schema());
  if (ensembles.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no [[ensemble]]; --trials is allowed", study.string()));
  const FrozenStudy frozen = study_of_results(study, runs);
  study_ = frozen.name;
  for (const sweeps::Ensemble& ensemble : ensembles)
    std::ranges::move(study_ensembles(ensemble, frozen.trials), std::back_inserter(all_));
}

std::optional<std::vector<EnsembleScores>> StudyEnsembles::judge(
    const StudyEnsemble& ensemble) const {
  std::vector<TrainedTrial> trials;
  for (const sweeps::Trial& trial : ensemble.trials)
    trials.push_back(trained_trial(fmt::format("trial:{}/{}", study_, trial.name), runs_));
  TrialEnsembleOptions options;
  options.method = ensemble_method(ensemble.how.method);
  options.minimum_votes = ensemble.how.minimum_votes;
  const TrialEnsemble together(trials, options);
  const std::string& over = ensemble.how.over;
  const std::string identity =
      ensemble_identity(together, judging_file(trials.front().settings, over));
  const auto known = ensembles_of(study_, results::Index(runs_));
  if (std::ranges::find(known, identity, &EnsembleRow::identity) != known.end())
    return std::nullopt;
  std::vector<EnsembleScores> scores = all_scores(together, over);
  record_ensemble(together, ensemble.name, scores, runs_.front());
  return scores;
}

}  // namespace medsweep::runner
