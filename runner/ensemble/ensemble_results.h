#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "results/index.h"
#include "results/table_spec.h"
#include "runner/ensemble/trial_ensemble.h"

namespace medsweep::runner {

/// What an ensemble is in the results of a study: a finished trial whose knobs are
/// {"ensemble": {"label", "over", "method", "minimum_votes", "objects", "trials", "identities",
/// "checkpoints", "data"}}.
struct EnsembleRow {
  std::string identity;
  std::string label;                          ///< in tables
  std::vector<std::string> members;           ///< identities of trials
  std::string name = {}, over = {};           ///< as in EnsembleName
  std::string method = {};                    ///< a row of the kind "ensemble"
  std::int64_t votes = 0;                     ///< that are needed; of "vote"
  std::vector<std::string> checkpoints = {};  ///< of the members: "step-000123"
};

/// "step-000123" of a checkpoint's model.safetensors.
std::string checkpoint_of(const std::filesystem::path& weights);

/// A digest of the method, the votes, the members' identities and checkpoints, and of the data file
/// that it is judged by first.
std::string ensemble_identity(const TrialEnsemble& ensemble, const std::filesystem::path& data);

/// The numbers of some samples.
struct EnsembleScores {
  std::string dataset;         ///< as [evaluate] datasets names it; empty: the ensemble's own
  std::filesystem::path data;  ///< their file
  EvaluationScores scores;
  std::string split = "test";
};

struct EnsembleName {
  std::string name;       ///< unique in the study
  std::string label;      ///< in tables
  std::string over = {};  ///< of the study's [[ensemble]]; empty: put together by hand
};

/// Journals an ensemble into the study of its first member, in the folder `runs`. Returns its
/// identity, ensemble_identity by the first file.
/// Throws std::invalid_argument for a name that is empty or a trial's of that study,
/// std::runtime_error for what the disk does.
std::string record_ensemble(const TrialEnsemble& ensemble, const EnsembleName& name,
                            const std::vector<EnsembleScores>& scores,
                            const std::filesystem::path& runs);

/// The finished ensembles that a study's journals name, the oldest first.
std::vector<EnsembleRow> ensembles_of(const std::string& study, const results::Index& index);

/// Adds the ensembles to the trials of a table whose members all meet `spec.where`. What differs
/// between the members and is shown, is called by the ensemble's label; where nothing that is shown
/// differs, the first key of the rows is ("none + bag"), and a table without rows gets the row
/// "ensemble". All else is as in the first member. Ensembles of trials that are not among these
/// stay out.
void add_ensembles(const std::vector<EnsembleRow>& ensembles, results::TableSpec& spec,
                   std::vector<results::PlannedTrial>& trials);

}  // namespace medsweep::runner
