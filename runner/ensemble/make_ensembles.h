#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runner/ensemble/study_ensembles.h"
#include "runner/ensemble/trial_ensemble.h"
#include "runner/frozen.h"

namespace medsweep::runner {

/// The trials of an ensemble, put together in its way. weights: theirs, in their order.
/// Throws as TrialEnsemble.
TrialEnsemble put_together(const StudyEnsemble& ensemble, const std::string& study,
                           const std::vector<std::filesystem::path>& weights);

/// The numbers of an ensemble.
///
/// Over seeds it is judged by the trials' own test samples, or by those of validation where the
/// study has no test; over folds by the test samples; in any case by [evaluate] datasets.
/// Collective; throws GroupError on all ranks.
std::vector<EnsembleScores> judge(const StudyEnsemble& ensemble, const TrialEnsemble& together,
                                  const JudgingSite& site);

/// What became of a study's ensembles.
struct MadeEnsembles {
  std::int64_t failed = 0;             ///< by their data, not by a trial that they wait for
  bool stopped = false;                ///< by a signal; those that are left are made next time
  std::vector<std::string> remarks{};  ///< a sentence for each that is not made, on rank 0
};

/// Makes those of the study's ensembles that are left: all ranks judge one together, rank 0
/// journals it. What another sweep is making at the same time is left to it. A stop signal that
/// any rank got ends it before the next image; of the ensemble that was under way nothing is
/// recorded. Collective over the job; the same on all ranks, but for the remarks.
MadeEnsembles make_ensembles(const FrozenStudy& study,
                             const std::vector<std::filesystem::path>& runs, Communicator& world);

}  // namespace medsweep::runner
