#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "results/index.h"
#include "results/status.h"
#include "runner/ensemble/ensemble_results.h"
#include "runner/settings.h"
#include "sweeps/study.h"

namespace medsweep::runner {

/// Trials of a study that one [[ensemble]] puts together.
struct StudyEnsemble {
  EnsembleName name;  ///< with what its trials share beside, where there are several: "bag5-rgb"
  sweeps::Ensemble how;
  std::vector<sweeps::Trial> trials;
};

/// For each [[ensemble]], groups of trials that differ in its `over` alone, in the order of the
/// trials; of several alike but for their settings (changed ones that --extend added) the last. A
/// trial that nothing varies with is in no group. Throws std::invalid_argument for an [[ensemble]]
/// without any group, without samples to be judged by, that wants more votes than trials, and for a
/// name that is a trial's or another ensemble's.
std::vector<StudyEnsemble> study_ensembles(const std::vector<sweeps::Ensemble>& ensembles,
                                           const std::vector<sweeps::Trial>& trials);

/// The data file that an ensemble is judged by first. Throws std::invalid_argument where there are
/// no samples that none of its trials was trained on.
std::filesystem::path judging_file(const TrialSettings& settings, const std::string& over);

/// Where an ensemble stands.
enum class EnsembleState {
  kWaiting,  ///< for trials
  kLeft,     ///< its trials are finished, it is to be made
  kMade,     ///< of these trials as they are now
};

struct EnsembleStanding {
  EnsembleState state = EnsembleState::kLeft;
  std::string why = {};                             ///< of kWaiting: "trial rgb-s0 failed"
  std::vector<std::filesystem::path> weights = {};  ///< of kLeft: of the trials, in their order
};

/// What is asked for where ensembles stand.
struct StandingQuery {
  std::string study;
  std::vector<std::filesystem::path> runs;
};

/// One for each ensemble, by what the journals and the trials' folders say now. An ensemble that is
/// made stays so without its trials' weights; other weights than it was made of (more epochs) leave
/// it to be made.
std::vector<EnsembleStanding> standings_of(const std::vector<StudyEnsemble>& ensembles,
                                           const StandingQuery& query, const results::Index& index);

/// The newest of `rows` (ensembles_of) that was made of the ensemble's trials in its way, whatever
/// it was called then; null where there is none.
const EnsembleRow* made_row(const StudyEnsemble& ensemble, const std::vector<EnsembleRow>& rows);

/// What the tables show: of each of the study's ensembles its row, one without results where it is
/// not made yet, then the newest of each name that was put together by hand. Rows of [[ensemble]]s
/// that the study has no longer stay out.
std::vector<EnsembleRow> shown_ensembles(const std::vector<StudyEnsemble>& ensembles,
                                         const std::vector<EnsembleRow>& rows);

/// For `runner status`.
std::vector<results::EnsembleStatus> ensemble_statuses(const std::vector<StudyEnsemble>& ensembles,
                                                       const StandingQuery& query,
                                                       const results::Index& index);

}  // namespace medsweep::runner
