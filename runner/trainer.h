#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "runner/distributed/communicator.h"
#include "runner/settings.h"
#include "runner/trial_data.h"
#include "runner/trial_report.h"

namespace medsweep::runner {

enum class Ending {
  kFinished,
  kStopped,  ///< by a signal, with a checkpoint; it goes on when the trial is started again
};

struct TrainingOutcome {
  Ending ending = Ending::kFinished;
  std::int64_t epochs = 0;  ///< finished, of earlier attempts too
  std::int64_t step = 0;
};

/// The surroundings of a training. All ranks of the group have the same `folder`.
struct TrainerContext {
  Communicator& group;
  TrialReport& report;
  std::function<bool()> stop_requested;  ///< asked before every step and batch of an evaluation
  std::filesystem::path folder;          ///< of the trial: checkpoints/ is made inside
};

/// Trains a trial from its newest sound checkpoint, or from the start, and evaluates it at the
/// end. Collective over the group.
///
/// The batches, their order, augmentation and initial weights are functions of the settings alone;
/// stopping and going on, on the same number of ranks and threads, gives the same bits as never
/// having stopped.
/// Throws on all ranks what TrainingStep, the data and the checkpoints throw.
TrainingOutcome train(const TrialSettings& settings, const TrialData& data,
                      const TrainerContext& context);

}  // namespace medsweep::runner
