#include "runner/ensemble/study_ensembles.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "runner/ensemble/combine_labels.h"
#include "runner/frozen.h"
#include "runner/trial_weights.h"

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

std::string label_of_over(const sweeps::Trial& trial, const std::string& over) {
  if (over == "seed") return std::to_string(trial.seed);
  if (over == "fold") return std::to_string(trial.fold);
  const auto label =
      std::ranges::find(trial.labels, over, &std::pair<std::string, std::string>::first);
  return label == trial.labels.end() ? "" : label->second;
}

/// A trial whose settings changed stands behind the old one, which --extend keeps: it takes its
/// place.
void add_member(const sweeps::Trial& trial, StudyEnsemble& group) {
  const auto same = std::ranges::find_if(group.trials, [&](const sweeps::Trial& other) {
    return label_of_over(other, group.how.over) == label_of_over(trial, group.how.over);
  });
  if (same != group.trials.end())
    *same = trial;
  else
    group.trials.push_back(trial);
}

std::vector<StudyEnsemble> groups_of(const sweeps::Ensemble& ensemble,
                                     const std::vector<sweeps::Trial>& trials) {
  std::map<std::vector<std::string>, std::size_t> places;
  std::vector<std::vector<std::string>> shared;
  std::vector<StudyEnsemble> all, groups;
  for (const sweeps::Trial& trial : trials) {
    const auto labels = shared_labels(trial, ensemble.over);
    const auto [place, is_new] = places.emplace(labels, all.size());
    if (is_new) {
      all.push_back({{ensemble.name, ensemble.name, ensemble.over}, ensemble, {}});
      shared.push_back(labels);
    }
    add_member(trial, all[place->second]);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].trials.size() < 2) continue;
    if (all.size() > 1) all[i].name.name += fmt::format("-{}", fmt::join(shared[i], "-"));
    groups.push_back(std::move(all[i]));
  }
  return groups;
}

void check_groups(const sweeps::Ensemble& ensemble, const std::vector<StudyEnsemble>& groups,
                  std::set<std::string>& names) {
  if (groups.empty())
    throw std::invalid_argument(
        fmt::format("[ensemble] {}: nothing varies over \"{}\"; two trials or more are allowed",
                    ensemble.name, ensemble.over));
  for (const StudyEnsemble& group : groups) {
    judging_file(read_settings(group.trials.front()), ensemble.over);
    if (ensemble.minimum_votes > 0) needed_votes(ensemble.minimum_votes, group.trials.size());
    if (!names.insert(group.name.name).second)
      throw std::invalid_argument(
          fmt::format("[ensemble] '{}' is a trial of the study or another ensemble; a name of its "
                      "own is allowed",
                      group.name.name));
  }
}

bool is_made_of(const EnsembleRow& row, const StudyEnsemble& ensemble) {
  if (row.over != ensemble.how.over || row.method != ensemble.how.method) return false;
  if (row.method == "vote" &&
      row.votes != needed_votes(ensemble.how.minimum_votes, ensemble.trials.size()))
    return false;
  return std::ranges::equal(row.members, ensemble.trials, {}, {}, &sweeps::Trial::identity);
}

/// A trial's weights, or into `why` what it lacks.
std::filesystem::path weights_or_reason(const sweeps::Trial& trial, const StandingQuery& query,
                                        const results::Index& index, std::string& why) {
  try {
    if (const auto found = finished_weights(query.study, trial, query.runs, index)) return *found;
  } catch (const std::invalid_argument& error) {
    why = error.what();
    return {};
  }
  const results::TrialProgress progress = index.progress(trial.identity);
  if (progress.state == results::TrialState::kFailed)
    why = fmt::format("trial {} failed", trial.name);
  else if (is_finished(trial, index))
    why = fmt::format("the weights of trial {} are gone", trial.name);
  else
    why = fmt::format("trial {} is not finished", trial.name);
  return {};
}

/// made: its row, or null.
EnsembleStanding standing_of(const StudyEnsemble& ensemble, const EnsembleRow* made,
                             const StandingQuery& query, const results::Index& index) {
  EnsembleStanding standing;
  std::vector<std::string> checkpoints;
  for (const sweeps::Trial& trial : ensemble.trials) {
    standing.weights.push_back(weights_or_reason(trial, query, index, standing.why));
    checkpoints.push_back(checkpoint_of(standing.weights.back()));
    if (standing.why.empty()) continue;
    if (made != nullptr && is_finished(trial, index)) return {EnsembleState::kMade};
    return {EnsembleState::kWaiting, standing.why};
  }
  if (made != nullptr && made->checkpoints == checkpoints) return {EnsembleState::kMade};
  return standing;
}

}  // namespace

std::filesystem::path judging_file(const TrialSettings& settings, const std::string& over) {
  const bool has_test = settings.split.contains("test");
  if (over == "seed" || (over == "fold" && has_test)) return settings.dataset.front().file;
  if (!settings.evaluate.datasets.empty()) return settings.evaluate.datasets.front();
  throw std::invalid_argument(
      fmt::format("[ensemble] over = \"{}\" has no samples that no trial was trained on; [split] "
                  "test{} or [evaluate] datasets is allowed",
                  over, over == "dataset" ? " (with over = \"seed\" or \"fold\")" : ""));
}

std::vector<StudyEnsemble> study_ensembles(const std::vector<sweeps::Ensemble>& ensembles,
                                           const std::vector<sweeps::Trial>& trials) {
  std::set<std::string> names;
  for (const sweeps::Trial& trial : trials) names.insert(trial.name);
  std::vector<StudyEnsemble> all;
  for (const sweeps::Ensemble& ensemble : ensembles) {
    auto groups = groups_of(ensemble, trials);
    check_groups(ensemble, groups, names);
    std::ranges::move(groups, std::back_inserter(all));
  }
  return all;
}

const EnsembleRow* made_row(const StudyEnsemble& ensemble, const std::vector<EnsembleRow>& rows) {
  const EnsembleRow* newest = nullptr;
  for (const EnsembleRow& row : rows)
    if (is_made_of(row, ensemble)) newest = &row;
  return newest;
}

std::vector<EnsembleStanding> standings_of(const std::vector<StudyEnsemble>& ensembles,
                                           const StandingQuery& query,
                                           const results::Index& index) {
  const std::vector<EnsembleRow> rows = ensembles_of(query.study, index);
  std::vector<EnsembleStanding> standings;
  for (const StudyEnsemble& ensemble : ensembles)
    standings.push_back(standing_of(ensemble, made_row(ensemble, rows), query, index));
  return standings;
}

std::vector<EnsembleRow> shown_ensembles(const std::vector<StudyEnsemble>& ensembles,
                                         const std::vector<EnsembleRow>& rows) {
  std::vector<EnsembleRow> shown;
  for (const StudyEnsemble& ensemble : ensembles) {
    const EnsembleRow* made = made_row(ensemble, rows);
    EnsembleRow& row = shown.emplace_back(made != nullptr ? *made : EnsembleRow());
    row.label = ensemble.name.label;
    if (made != nullptr) continue;
    row.identity = "ensemble " + ensemble.name.name;
    for (const sweeps::Trial& trial : ensemble.trials) row.members.push_back(trial.identity);
  }
  std::map<std::string, const EnsembleRow*> by_hand;
  for (const EnsembleRow& row : rows)
    if (row.over.empty()) by_hand[row.name] = &row;
  for (const auto& [name, row] : by_hand) shown.push_back(*row);
  return shown;
}

std::vector<results::EnsembleStatus> ensemble_statuses(const std::vector<StudyEnsemble>& ensembles,
                                                       const StandingQuery& query,
                                                       const results::Index& index) {
  std::vector<results::EnsembleStatus> statuses;
  const auto standings = standings_of(ensembles, query, index);
  for (std::size_t i = 0; i < ensembles.size(); ++i)
    statuses.push_back(
        {ensembles[i].name.name, standings[i].state == EnsembleState::kMade, standings[i].why});
  return statuses;
}

}  // namespace medsweep::runner
