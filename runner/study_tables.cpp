#include "runner/study_tables.h"

#include <algorithm>
#include <iterator>

#include "runner/settings.h"

namespace medsweep::runner {
namespace {

results::TableDefaults defaults_for(const std::vector<sweeps::Trial>& trials) {
  results::TableDefaults defaults;
  defaults.metrics = {"dice", "iou"};
  const TrialSettings settings = read_settings(trials.front());
  const bool has_test = settings.split.contains("test") || !settings.evaluate.datasets.empty();
  defaults.split = has_test ? "test" : "validation";
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

std::vector<results::Table> study_tables(const std::vector<std::string>& specifications,
                                         const std::vector<sweeps::Trial>& trials,
                                         const results::Index& index) {
  std::vector<results::Table> tables;
  if (trials.empty()) return tables;
  const auto planned = planned_trials(trials);
  const auto defaults = defaults_for(trials);
  for (const std::string& specification : specifications)
    std::ranges::move(
        results::make_tables(results::parse_table_spec(specification), defaults, planned, index),
        std::back_inserter(tables));
  return tables;
}

}  // namespace medsweep::runner
