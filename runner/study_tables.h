#pragma once

#include <string>
#include <vector>

#include "results/index.h"
#include "results/table.h"
#include "runner/frozen.h"
#include "runner/settings.h"
#include "sweeps/trial.h"

namespace medsweep::runner {

/// Trials as the results' tables know them.
std::vector<results::PlannedTrial> planned_trials(const std::vector<sweeps::Trial>& trials);

/// The split that the study's tables show unless they say so: "test" where it has one.
std::string shown_split(const TrialSettings& settings);

/// The study's tables filled from the journals, its ensembles among the trials, its notes (--set,
/// --same-code ...) under the last.
/// The numbers are those of the test samples, of the first of [evaluate] datasets where the study
/// has no others, or of validation where it has neither.
std::vector<results::Table> study_tables(const FrozenStudy& study, const results::Index& index);

}  // namespace medsweep::runner
