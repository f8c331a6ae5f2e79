#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "datasets/loader.h"
#include "models/model.h"
#include "runner/checkpoint_writer.h"
#include "runner/distributed/gradient_reducer.h"
#include "runner/early_stop.h"
#include "runner/optimizer.h"
#include "runner/schedule.h"
#include "runner/trainer.h"
#include "runner/training_step.h"

namespace medsweep::runner {

/// What is drawn when in the epochs of a trial. The same on all ranks.
datasets::Sampler sampler_for(const TrialSettings& settings, const TrialData& data);

/// The parts of a training, made once from its settings: what the loop in trainer.cpp turns.
/// Collective over the group to make.
struct Training {
  Training(const TrialSettings& settings, const TrialData& data, const TrainerContext& context);

  /// Makes ready for the epochs of the stage that `state.epoch` is in: which layers are trained, at
  /// which rate. An optimizer begins anew with each stage. Nothing happens within a stage.
  /// Collective.
  void enter_stage();

  /// Goes back to the newest sound checkpoint, the same on all ranks; says on the leader what was
  /// passed over. The step it resumed from, or nothing.
  std::optional<std::int64_t> resume();

  /// Weights of the best checkpoint; GroupError where there is none. Collective.
  void load_best_weights();

  /// Starts writing a checkpoint (leader only). What kept the one before from the disk is said,
  /// and the training goes on: earlier checkpoints are unharmed.
  void save();
  /// As save(), unless the one before is still being written.
  void save_if_idle();
  /// Waits until what was saved is on the disk. Collective: GroupError where it could not be
  /// written.
  void finish_saving();

  const TrialSettings& settings;
  const TrialData& data;
  const TrainerContext& context;

  std::shared_ptr<models::Model> model;
  c10::intrusive_ptr<c10d::ProcessGroup> statistics_group;  ///< of batch normalisation; may be null
  c10::intrusive_ptr<c10d::ProcessGroup> gradient_group;    ///< null with one rank
  std::optional<GradientReducer> reducer;
  std::optional<Optimizer> optimizer;
  datasets::Sampler sampler;
  std::optional<datasets::Loader> loader;
  std::optional<Schedule> schedule;
  EarlyStop early_stop;
  std::optional<TrainingStep> step;
  std::optional<CheckpointWriter> writer;  ///< the leader's
  TrainingState state;

 private:
  std::filesystem::path checkpoints() const;

  std::optional<std::size_t> stage_;
};

}  // namespace medsweep::runner
