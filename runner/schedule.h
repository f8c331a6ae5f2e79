#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "runner/early_stop.h"

namespace medsweep::runner {

/// How the learning rate changes. Keys of a study's `schedule`; each schedule reads its own.
struct ScheduleOptions {
  std::string name = "constant";
  double factor = 0.1;                      ///< step, multi_step, plateau: multiplies the rate
  std::int64_t every_epochs = 30;           ///< step
  std::vector<std::int64_t> milestones;     ///< multi_step: epochs, ascending
  std::string metric = "loss";              ///< plateau: what is observed after each epoch
  Direction direction = Direction::kLower;  ///< plateau: of `metric`
  std::int64_t patience = 10;               ///< plateau: epochs without improvement that are borne
  double threshold = 1e-4;                  ///< plateau: relative; less is no improvement
  std::int64_t cooldown = 0;                ///< plateau: epochs not counted after a reduction
  double power = 0.9;                       ///< polynomial
  double minimum_learning_rate = 0;         ///< plateau, cosine
  std::string interval = "step";            ///< polynomial, cosine: change every "step" or "epoch"
  std::int64_t warm_up_steps = 0;           ///< linear from warm_up_factor to 1
  double warm_up_epochs = 0;                ///< the same in epochs; one of the two
  double warm_up_factor = 1e-3;             ///< of the first step
};

/// What the rate is a function of, beside the position.
struct TrainingLength {
  std::int64_t epochs;
  std::int64_t steps_per_epoch;
};

/// Of plateau; the others have none.
struct ScheduleState {
  std::optional<double> best;
  std::optional<double> learning_rate;  ///< after the reductions so far; absent before the first
  std::int64_t bad_epochs = 0;
  std::int64_t cooldown_left = 0;
  bool operator==(const ScheduleState&) const = default;
};
void to_json(nlohmann::json& json, const ScheduleState& state);
void from_json(const nlohmann::json& json, ScheduleState& state);

/// The learning rate of each step. Numbers equal torch.optim.lr_scheduler's: StepLR, MultiStepLR,
/// ReduceLROnPlateau (relative threshold), PolynomialLR, CosineAnnealingLR, with LinearLR as
/// warm-up.
///
/// constant, step, multi_step and plateau are multiplied by the warm-up; polynomial and cosine
/// start after it (SequentialLR) and reach their end at the last step (or epoch) + 1.
/// A pure function of the position, but for plateau, which needs `observe` after each epoch.
class Schedule {
 public:
  /// Throws std::invalid_argument for an unknown name or an option out of its range.
  Schedule(const ScheduleOptions& options, double base_learning_rate, const TrainingLength& length);

  /// Of step `step` (from 0, over all epochs), in epoch `epoch` (from 0).
  double learning_rate(std::int64_t step, std::int64_t epoch) const;

  /// True where observe() wants `options.metric`.
  bool observes() const;
  /// The metric after an epoch. Nothing happens but under plateau; NaN is no improvement.
  void observe(double value);

  const ScheduleState& state() const { return state_; }
  void restore(const ScheduleState& state) { state_ = state; }

 private:
  double warm_up(std::int64_t step) const;

  ScheduleOptions options_;
  double base_;
  TrainingLength length_;
  std::int64_t warm_up_steps_;
  ScheduleState state_;
};

/// True where a longer training begins like the shorter one: constant, step, multi_step, plateau.
/// Throws std::invalid_argument for an unknown name.
bool extends_with_epochs(std::string_view name);

std::vector<Row> schedule_rows();

}  // namespace medsweep::runner
