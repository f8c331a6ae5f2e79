#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runner/early_stop.h"
#include "runner/safetensors.h"
#include "runner/schedule.h"

namespace medsweep::runner {

/// The best evaluation so far.
struct BestSoFar {
  std::string metric;  ///< "dice"
  double value = 0;
  std::int64_t epoch = 0;
  std::int64_t step = 0;  ///< of the checkpoint that holds it
  bool operator==(const BestSoFar&) const = default;
};

/// Where a training stands, beside its tensors: what `state.json` holds.
struct TrainingState {
  std::string identity;            ///< of the trial
  std::int64_t epoch = 0;          ///< from 0; the one to go on with
  std::int64_t step_in_epoch = 0;  ///< steps of it that are done
  std::int64_t step = 0;           ///< optimizer steps done in all
  std::optional<BestSoFar> best;
  ScheduleState schedule;
  EarlyStopState early_stop;
  std::map<std::string, double> totals;      ///< sums within the epoch, e.g. the loss's
  std::map<std::string, std::string> notes;  ///< anything else the trainer wants back
  bool operator==(const TrainingState&) const = default;
};

inline constexpr const char* kModelFile = "model.safetensors";
inline constexpr const char* kOptimizerFile = "optimizer.safetensors";
inline constexpr const char* kStateFile = "state.json";

/// A checkpoint is a folder `step-000123/` that appears whole or not at all:
///   model.safetensors      parameters and buffers under their names in the model
///   optimizer.safetensors  Optimizer::state()
///   state.json             TrainingState, format version, SHA-256 of both, its own checksum
struct Checkpoint {
  std::filesystem::path path;
  TrainingState state;
  Tensors model;
  Tensors optimizer;
};

/// What was found, and what had to be passed over on the way: one sentence each.
struct NewestCheckpoint {
  std::optional<Checkpoint> checkpoint;
  std::vector<std::string> warnings;
};

/// The newest checkpoint in `folder` whose digests are right. Damaged newer ones are passed over
/// with a warning. None where there is no folder, no checkpoint or no sound one.
NewestCheckpoint load_newest(const std::filesystem::path& folder);

/// The best checkpoint according to the newest sound one; none where it knows of no best.
/// Throws std::runtime_error when that one is gone or damaged.
std::optional<Checkpoint> load_best(const std::filesystem::path& folder);

/// One checkpoint; throws std::runtime_error that names the file at fault when it is damaged.
Checkpoint load_checkpoint(const std::filesystem::path& path);

/// `step-000123`.
std::string checkpoint_name(std::int64_t step);

/// Steps of the checkpoints in `folder`, ascending; unfinished ones do not count.
std::vector<std::int64_t> checkpoint_steps(const std::filesystem::path& folder);

/// Whether a tensor of a model belongs to its losses: what only training needs.
bool is_of_losses(std::string_view name);

/// Parameters and buffers under their full names, as a state_dict. The tensors themselves.
Tensors named_tensors(const torch::nn::Module& module);

/// Copies values into the module; its memory formats stay.
/// Throws std::invalid_argument that names the first missing, foreign or misshapen tensor.
void load_tensors(torch::nn::Module& module, const Tensors& tensors);

/// The text of `state.json`, and back. Throws std::runtime_error that names `path` when the text
/// is damaged or of another format version.
std::string write_state(const TrainingState& state,
                        const std::map<std::string, std::string>& digests);
TrainingState read_state(const std::filesystem::path& path, const std::string& text,
                         std::map<std::string, std::string>& digests);

}  // namespace medsweep::runner
