#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "results/index.h"
#include "sweeps/schema.h"
#include "sweeps/trial.h"

namespace medsweep::runner {

/// make_schema(), whose studies may start from the weights of trials in `runs`.
sweeps::Schema study_schema(const std::vector<std::filesystem::path>& runs);

/// The weights file of a finished trial: its best checkpoint where it was evaluated with that, else
/// its last.
///
/// text: "trial:NAME", a trial of the studies in `needs`; "trial:STUDY/NAME", of a study in `runs`;
/// or "last", the last trial of the last study in `needs`.
/// Empty where no such trial is finished. Throws std::invalid_argument where trials of several
/// needed studies have the name, where `needs` would tell the study and is empty, and for a damaged
/// checkpoint.
std::optional<std::filesystem::path> trial_weights(const std::string& text,
                                                   const std::vector<std::filesystem::path>& needs,
                                                   const std::vector<std::filesystem::path>& runs);

/// The same of a trial of `study`: in its folder, or in another study's that trained it. Empty
/// where it is not finished, or finished without weights on the disk.
std::optional<std::filesystem::path> finished_weights(
    const std::string& study, const sweeps::Trial& trial,
    const std::vector<std::filesystem::path>& runs, const results::Index& index);

}  // namespace medsweep::runner
