#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runner/ensemble/ensemble_results.h"
#include "sweeps/ensembles.h"
#include "sweeps/trial.h"

namespace medsweep::runner {

/// Trials of a study that one [[ensemble]] puts together.
struct StudyEnsemble {
  EnsembleName name;  ///< with what its trials share beside, where there are several: "bag5-rgb"
  sweeps::Ensemble how;
  std::vector<sweeps::Trial> trials;
};

/// Groups of trials that differ in `over` alone, in the order of the trials. Throws
/// std::invalid_argument where nothing varies in it.
std::vector<StudyEnsemble> study_ensembles(const sweeps::Ensemble& ensemble,
                                           const std::vector<sweeps::Trial>& trials);

/// The [[ensemble]]s of a study whose trials are trained.
class StudyEnsembles {
 public:
  /// study: its file. Throws StudyError, and std::invalid_argument for a study without
  /// [[ensemble]].
  StudyEnsembles(const std::filesystem::path& study,
                 const std::vector<std::filesystem::path>& runs);

  const std::vector<StudyEnsemble>& all() const { return all_; }

  /// Evaluates an ensemble and journals it; nothing where that was done before.
  ///
  /// Over seeds it is judged by the trials' own test samples, or by those of validation where the
  /// study has no test; over folds by the test samples; in any case by [evaluate] datasets, of
  /// which the first stands for its own samples where there are none. Throws
  /// std::invalid_argument for a trial that is not finished, and where there is nothing to judge
  /// by.
  std::optional<std::vector<EnsembleScores>> judge(const StudyEnsemble& ensemble) const;

 private:
  std::string study_;
  std::vector<std::filesystem::path> runs_;
  std::vector<StudyEnsemble> all_;
};

}  // namespace medsweep::runner
