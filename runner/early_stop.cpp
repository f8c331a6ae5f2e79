#include "runner/early_stop.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace medsweep::runner {

void to_json(nlohmann::json& json, const EarlyStopState& state) {
  json = nlohmann::json{{"bad_evaluations", state.bad_evaluations}};
  json["best"] = state.best ? nlohmann::json(*state.best) : nlohmann::json();
}

void from_json(const nlohmann::json& json, EarlyStopState& state) {
  state.bad_evaluations = json.at("bad_evaluations").get<std::int64_t>();
  const auto& best = json.at("best");
  state.best = best.is_null() ? std::nullopt : std::optional(best.get<double>());
}

EarlyStop::EarlyStop(const EarlyStopOptions& options) : options_(options) {
  if (options.patience < 0)
    throw std::invalid_argument(
        fmt::format("[early_stop] patience {}; 0 or more is allowed", options.patience));
  if (!(options.minimum_delta >= 0))
    throw std::invalid_argument(
        fmt::format("[early_stop] minimum_delta {}; 0 or more is allowed", options.minimum_delta));
}

bool EarlyStop::observe(double value) {
  const double sign = options_.direction == Direction::kHigher ? 1 : -1;
  const bool better = !std::isnan(value) &&
                      (!state_.best || sign * (value - *state_.best) > options_.minimum_delta);
  if (better) {
    state_.best = value;
    state_.bad_evaluations = 0;
  } else {
    ++state_.bad_evaluations;
  }
  return stopped();
}

bool EarlyStop::stopped() const {
  return options_.metric != "none" && state_.bad_evaluations > options_.patience;
}

}  // namespace medsweep::runner
