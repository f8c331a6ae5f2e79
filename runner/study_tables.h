#pragma once

#include <string>
#include <vector>

#include "results/index.h"
#include "results/table.h"
#include "sweeps/trial.h"

namespace medsweep::runner {

/// Trials as the results' tables know them.
std::vector<results::PlannedTrial> planned_trials(const std::vector<sweeps::Trial>& trials);

/// The study's tables (the JSON texts of sweeps::Study::tables) filled from the journals.
/// The numbers are those of the test samples, or of validation where the study has no test.
std::vector<results::Table> study_tables(const std::vector<std::string>& specifications,
                                         const std::vector<sweeps::Trial>& trials,
                                         const results::Index& index);

}  // namespace medsweep::runner
