#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "results/index.h"
#include "runner/distributed/communicator.h"
#include "sweeps/study.h"

namespace medsweep::runner {

/// What is wrong with a study or with what was asked of it, thrown on all ranks alike.
class StudyRefused : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// What is done where a study differs from its frozen form.
enum class OnDifference {
  kAsk,       ///< on a terminal; elsewhere the difference is an error
  kExtend,    ///< --extend: the new trials are added
  kFrozen,    ///< --frozen: the old study goes on
  kSameCode,  ///< --same-code: what differs is only the code: old results stand for the new
};

/// A study as its folder holds it: every trial decided.
struct FrozenStudy {
  std::string name;
  std::string text;  ///< of study.toml
  std::vector<sweeps::Trial> trials{};
  std::vector<std::string> tables{};  ///< JSON, as sweeps::Study::tables
  std::vector<sweeps::Ensemble> ensembles{};
  std::vector<std::string> notes{};  ///< to be said aloud
  std::set<std::string> chosen{};    ///< identities that --only leaves to be run
  std::int64_t ranks_per_trial = 0;
};

struct FreezeOptions {
  std::filesystem::path study;
  std::vector<std::string> set, only;
  std::vector<std::filesystem::path> runs;  ///< the study is frozen in the first
  OnDifference on_difference = OnDifference::kAsk;
  std::int64_t ranks_per_trial = 0;  ///< 0: the study's
};

/// The study frozen in its folder: now, or when it was first started. Collective; the same on all
/// ranks. Throws std::invalid_argument on all: problems of the study, a difference that nobody
/// allowed (the text shows it), trials that ask for different numbers of ranks, an [[ensemble]]
/// that cannot be made (study_ensembles).
FrozenStudy freeze_study(const FreezeOptions& options, Communicator& world);

/// What freeze_study would give on one rank, with nothing written.
FrozenStudy study_to_run(const FreezeOptions& options);

/// The study whose results are asked for: as it was frozen, or, where it never ran, as it is.
FrozenStudy study_of_results(const std::filesystem::path& study,
                             const std::vector<std::filesystem::path>& runs);

/// study_of_results with the [[ensemble]]s that the study's file has now; as they concern no trial,
/// they are frozen with it where it ran in the first of `runs`. Throws std::invalid_argument as
/// study_ensembles.
FrozenStudy study_with_ensembles(const std::filesystem::path& study,
                                 const std::vector<std::filesystem::path>& runs);

/// Whether a trial needs no more training: done, and (but for early stopping) for as many epochs as
/// it now asks.
bool is_finished(const sweeps::Trial& trial, const results::Index& index);

}  // namespace medsweep::runner
