#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "runner/metrics/direction.h"

namespace medsweep::runner {

struct EarlyStopOptions {
  std::string metric = "none";               ///< e.g. "dice"; "none": never stops
  Direction direction = Direction::kHigher;  ///< of `metric`
  std::int64_t patience = 10;                ///< evaluations without improvement that are borne
  double minimum_delta = 0;                  ///< less is no improvement, in the metric's unit
};

struct EarlyStopState {
  std::optional<double> best;
  std::int64_t bad_evaluations = 0;  ///< since the best one
  bool operator==(const EarlyStopState&) const = default;
};
void to_json(nlohmann::json& json, const EarlyStopState& state);
void from_json(const nlohmann::json& json, EarlyStopState& state);

/// Stops a trial that no longer improves: after more than `patience` evaluations in a row that do
/// not better the best by more than `minimum_delta`. An undefined value (NaN) is no improvement.
class EarlyStop {
 public:
  /// Throws std::invalid_argument for a negative patience or delta.
  explicit EarlyStop(const EarlyStopOptions& options);
  /// Takes the value of an evaluation; true when the trial is to stop.
  bool observe(double value);
  bool stopped() const;
  const EarlyStopState& state() const { return state_; }
  void restore(const EarlyStopState& state) { state_ = state; }

 private:
  EarlyStopOptions options_;
  EarlyStopState state_;
};

}  // namespace medsweep::runner
