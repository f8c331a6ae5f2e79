#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "results/index.h"
#include "results/table_spec.h"
#include "runner/ensemble/trial_ensemble.h"

namespace medsweep::runner {

/// What an ensemble is in the results of a study: a finished trial whose knobs are
/// {"ensemble": {"label", "method", "minimum_votes", "objects", "trials", "identities", "data"}}.
struct EnsembleRow {
  std::string identity;
  std::string label;                 ///< in tables
  std::vector<std::string> members;  ///< identities of trials
};

/// A digest of the method, the votes, the members' identities, and of the data file that it is
/// judged by first.
std::string ensemble_identity(const TrialEnsemble& ensemble, const std::filesystem::path& data);

/// The numbers of some samples.
struct EnsembleScores {
  std::string dataset;         ///< as [evaluate] datasets names it; empty: the ensemble's own
  std::filesystem::path data;  ///< their file
  EvaluationScores scores;
};

struct EnsembleName {
  std::string name;   ///< unique in the study
  std::string label;  ///< in tables
};

/// Journals an ensemble into the study of its first member, in the folder `runs`, in the split that
/// the study's tables show. Returns its identity, ensemble_identity by the first file.
/// Throws std::invalid_argument for a name that is empty or a trial's of that study,
/// std::runtime_error for what the disk does.
std::string record_ensemble(const TrialEnsemble& ensemble, const EnsembleName& name,
                            const std::vector<EnsembleScores>& scores,
                            const std::filesystem::path& runs);

/// The ensembles that a study's journals name, the newest of each name, by name.
std::vector<EnsembleRow> ensembles_of(const std::string& study, const results::Index& index);

/// Adds the ensembles to the trials of a table whose members all meet `spec.where`. What differs
/// between the members and is shown, is called by the ensemble's label; where nothing that is shown
/// differs, the first key of the rows is ("none + bag"), and a table without rows gets the row
/// "ensemble". All else is as in the first member. Ensembles of trials that are not among these
/// stay out.
void add_ensembles(const std::vector<EnsembleRow>& ensembles, results::TableSpec& spec,
                   std::vector<results::PlannedTrial>& trials);

}  // namespace medsweep::runner
