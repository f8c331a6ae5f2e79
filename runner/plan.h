#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sweeps/study.h"

namespace medsweep::runner {

/// Where a trial's hours come from.
enum class HoursSource {
  kUnknown,
  kEarlierRuns,  ///< trials of the same kind in the runs folders
  kProbe,        ///< a few timed steps on this machine
};

/// What one trial will cost.
struct TrialCost {
  std::optional<std::int64_t> parameters;
  std::int64_t frozen = 0;                   ///< of them, while the first stage is trained
  std::optional<std::int64_t> memory_bytes;  ///< a rank: weights, gradients, optimizer, activations
  std::optional<double> hours;
  HoursSource source = HoursSource::kUnknown;
};

/// A file that the study reads.
struct PlannedFile {
  std::string path;
  std::optional<std::int64_t> bytes;  ///< on disk; nothing where it is missing
};

/// What will be made of trials once they are finished.
struct PlannedEnsemble {
  std::string name, method;
  std::vector<std::string> trials;  ///< their names
};

struct StudyPlan {
  std::vector<TrialCost> costs;  ///< one per trial of the study
  std::vector<PlannedEnsemble> ensembles;
  std::vector<PlannedFile> files;
  std::int64_t checkpoint_bytes = 0;  ///< that all trials' checkpoints will take
};

enum class Probe { kNo, kYes };

/// Of a whole study, without --only. Throws std::invalid_argument as study_ensembles.
std::vector<PlannedEnsemble> planned_ensembles(const sweeps::Study& study);

/// What a study's trials cost; its ensembles are left to planned_ensembles. Each distinct network
/// is built once, one at a time. With a probe, each distinct combination of network, batch and
/// precision trains a few steps on made-up data.
StudyPlan plan_costs(const sweeps::Study& study, const std::vector<std::filesystem::path>& runs,
                     Probe probe);

/// For people.
std::string plan_text(const sweeps::Study& study, const StudyPlan& plan);
/// For scripts.
nlohmann::ordered_json plan_json(const sweeps::Study& study, const StudyPlan& plan);

}  // namespace medsweep::runner
