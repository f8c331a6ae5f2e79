#include "runner/study_tables.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "runner/ensemble/study_ensembles.h"

namespace medsweep::runner {
namespace {

results::TableDefaults defaults_for(const std::vector<sweeps::Trial>& trials) {
  results::TableDefaults defaults;
  defaults.metrics = {"dice", "iou"};
  const TrialSettings settings = read_settings(trials.front());
  defaults.split = shown_split(settings);
  if (!settings.split.contains("test") && !settings.evaluate.datasets.empty())
    defaults.dataset = std::filesystem::path(settings.evaluate.datasets.front()).filename();
  return defaults;
}

}  // namespace

std::vector<results::PlannedTrial> planned_trials(const std::vector<sweeps::Trial>& trials) {
  std::vector<results::PlannedTrial> planned;
  for (const sweeps::Trial& trial : trials)
    planned.push_back(
        {trial.identity, trial.name, trial.seed, trial.fold, trial.labels, trial.knobs});
  return planned;
}

std::string shown_split(const TrialSettings& settings) {
  const bool has_test = settings.split.contains("test") || !settings.evaluate.datasets.empty();
  return has_test ? "test" : "validation";
}

std::vector<results::Table> study_tables(const FrozenStudy& study, const results::Index& index) {
  std::vector<results::Table> tables;
  const auto planned = planned_trials(study.trials);
  const auto defaults = defaults_for(study.trials);
  const auto ensembles = shown_ensembles(study_ensembles(study.ensembles, study.trials),
                                         ensembles_of(study.name, index));
  for (const std::string& specification : study.tables) {
    results::TableSpec spec = results::parse_table_spec(specification);
    auto trials = planned;
    add_ensembles(ensembles, spec, trials);
    std::ranges::move(results::make_tables(spec, defaults, trials, index),
                      std::back_inserter(tables));
  }
  if (!tables.empty()) tables.back().remarks = study.notes;
  return tables;
}

}  // namespace medsweep::runner
