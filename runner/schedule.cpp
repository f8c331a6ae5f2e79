#include "runner/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <stdexcept>

namespace medsweep::runner {
namespace {

/// Where a training stands for its schedule: `done` of `total` after the warm-up, in the units of
/// the schedule's interval.
struct DecayPosition {
  std::int64_t epoch;
  double done, total;
};

/// The rate without warm-up, from the base rate.
using Decay = double (*)(const ScheduleOptions&, double base, const DecayPosition&);

enum class WarmUp { kMultiplies, kComesBefore };

struct ScheduleRow {
  Decay decay;
  WarmUp warm_up;
  bool extends;  ///< its beginning does not know the end
};

double constant_rate(const ScheduleOptions&, double base, const DecayPosition&) { return base; }

double step_rate(const ScheduleOptions& options, double base, const DecayPosition& position) {
  return base * std::pow(options.factor, position.epoch / options.every_epochs);
}

double multi_step_rate(const ScheduleOptions& options, double base, const DecayPosition& position) {
  const auto passed = std::ranges::upper_bound(options.milestones, position.epoch);
  return base * std::pow(options.factor, passed - options.milestones.begin());
}

double polynomial_rate(const ScheduleOptions& options, double base, const DecayPosition& position) {
  return base * std::pow(1 - std::min(position.done / position.total, 1.0), options.power);
}

double cosine_rate(const ScheduleOptions& options, double base, const DecayPosition& position) {
  const double lowest = options.minimum_learning_rate;
  const double angle = std::numbers::pi * std::min(position.done / position.total, 1.0);
  return lowest + (base - lowest) * (1 + std::cos(angle)) / 2;
}

// Plateau's reductions are in its state; the base that it is given has them already.
constexpr std::array kSchedules{
    Entry<ScheduleRow>{"constant",
                       "const",
                       "runner/schedule",
                       {constant_rate, WarmUp::kMultiplies, true},
                       "the same rate throughout"},
    Entry<ScheduleRow>{"step",
                       "step",
                       "runner/schedule",
                       {step_rate, WarmUp::kMultiplies, true},
                       "times `factor` every `every_epochs` epochs"},
    Entry<ScheduleRow>{"multi_step",
                       "mstep",
                       "runner/schedule",
                       {multi_step_rate, WarmUp::kMultiplies, true},
                       "times `factor` at each of the epochs `milestones`"},
    Entry<ScheduleRow>{"plateau",
                       "plateau",
                       "runner/schedule",
                       {constant_rate, WarmUp::kMultiplies, true},
                       "times `factor` after more than `patience` epochs without improvement"},
    Entry<ScheduleRow>{"polynomial",
                       "poly",
                       "runner/schedule",
                       {polynomial_rate, WarmUp::kComesBefore, false},
                       "(1 - done / total) to the power `power`"},
    Entry<ScheduleRow>{"cosine",
                       "cos",
                       "runner/schedule",
                       {cosine_rate, WarmUp::kComesBefore, false},
                       "half a cosine down to `minimum_learning_rate`"},
};
static_assert(names_are_unique(kSchedules));

void check_option(bool allowed, std::string_view key, double got, std::string_view what) {
  if (!allowed)
    throw std::invalid_argument(fmt::format("[schedule] {} {}; {} is allowed", key, got, what));
}

void check_schedule(const ScheduleOptions& options, double base, const TrainingLength& length) {
  check_option(base >= 0, "learning_rate", base, "0 or more");
  check_option(length.epochs >= 1, "epochs", static_cast<double>(length.epochs), "1 or more");
  check_option(length.steps_per_epoch >= 1, "steps_per_epoch",
               static_cast<double>(length.steps_per_epoch), "1 or more");
  check_option(options.factor > 0, "factor", options.factor, "more than 0");
  check_option(options.every_epochs >= 1, "every_epochs", static_cast<double>(options.every_epochs),
               "1 or more");
  check_option(options.patience >= 0, "patience", static_cast<double>(options.patience),
               "0 or more");
  check_option(options.cooldown >= 0, "cooldown", static_cast<double>(options.cooldown),
               "0 or more");
  check_option(options.power > 0, "power", options.power, "more than 0");
  check_option(options.warm_up_steps >= 0, "warm_up_steps",
               static_cast<double>(options.warm_up_steps), "0 or more");
  check_option(options.warm_up_epochs >= 0, "warm_up_epochs", options.warm_up_epochs, "0 or more");
  check_option(options.warm_up_factor > 0 && options.warm_up_factor <= 1, "warm_up_factor",
               options.warm_up_factor, "more than 0 and at most 1");
  if (options.warm_up_steps > 0 && options.warm_up_epochs > 0)
    throw std::invalid_argument(
        "[schedule] warm_up_steps and warm_up_epochs are both given; one of them is allowed");
  if (options.interval != "step" && options.interval != "epoch")
    throw std::invalid_argument(
        fmt::format("[schedule] interval '{}'; 'step' or 'epoch' is allowed", options.interval));
  if (!std::ranges::is_sorted(options.milestones))
    throw std::invalid_argument("[schedule] milestones must ascend");
}

}  // namespace

void to_json(nlohmann::json& json, const ScheduleState& state) {
  const auto optional = [](const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  json = nlohmann::json{{"best", optional(state.best)},
                        {"learning_rate", optional(state.learning_rate)},
                        {"bad_epochs", state.bad_epochs},
                        {"cooldown_left", state.cooldown_left}};
}

void from_json(const nlohmann::json& json, ScheduleState& state) {
  const auto optional = [&](const char* key) {
    const auto& value = json.at(key);
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
  };
  state.best = optional("best");
  state.learning_rate = optional("learning_rate");
  state.bad_epochs = json.at("bad_epochs").get<std::int64_t>();
  state.cooldown_left = json.at("cooldown_left").get<std::int64_t>();
}

Schedule::Schedule(const ScheduleOptions& options, double base_learning_rate,
                   const TrainingLength& length)
    : options_(options), base_(base_learning_rate), length_(length) {
  find("schedule", kSchedules, options.name);
  check_schedule(options, base_learning_rate, length);
  warm_up_steps_ =
      options.warm_up_epochs > 0
          ? std::llround(options.warm_up_epochs * static_cast<double>(length.steps_per_epoch))
          : options.warm_up_steps;
}

double Schedule::warm_up(std::int64_t step) const {
  if (step >= warm_up_steps_) return 1;
  const double done = static_cast<double>(step) / static_cast<double>(warm_up_steps_);
  return options_.warm_up_factor + (1 - options_.warm_up_factor) * done;
}

double Schedule::learning_rate(std::int64_t step, std::int64_t epoch) const {
  const ScheduleRow& row = find("schedule", kSchedules, options_.name).make;
  const double base = state_.learning_rate.value_or(base_);
  if (row.warm_up == WarmUp::kMultiplies)
    return warm_up(step) * row.decay(options_, base, {epoch, 0, 1});
  if (step < warm_up_steps_) return warm_up(step) * base;
  const auto steps_per_epoch = static_cast<double>(length_.steps_per_epoch);
  const double unit = options_.interval == "epoch" ? steps_per_epoch : 1;
  const double now = unit == 1 ? static_cast<double>(step) : static_cast<double>(epoch);
  const double before = static_cast<double>(warm_up_steps_) / unit;
  const double total = static_cast<double>(length_.epochs) * steps_per_epoch / unit - before;
  return row.decay(options_, base, {epoch, std::max(now - before, 0.0), std::max(total, 1.0)});
}

bool Schedule::observes() const { return options_.name == "plateau"; }

void Schedule::observe(double value) {
  if (!observes()) return;
  const double sign = options_.direction == Direction::kHigher ? 1 : -1;
  // Relative to the best, as PyTorch's threshold_mode "rel".
  const bool better =
      !std::isnan(value) &&
      (!state_.best || sign * value > sign * *state_.best * (1 + sign * options_.threshold));
  if (better) state_.best = value;
  state_.bad_epochs = better ? 0 : state_.bad_epochs + 1;
  if (state_.cooldown_left > 0) {
    --state_.cooldown_left;
    state_.bad_epochs = 0;
  }
  if (state_.bad_epochs <= options_.patience) return;
  const double rate = state_.learning_rate.value_or(base_);
  state_.learning_rate = std::max(rate * options_.factor, options_.minimum_learning_rate);
  state_.cooldown_left = options_.cooldown;
  state_.bad_epochs = 0;
}

bool extends_with_epochs(std::string_view name) {
  return find("schedule", kSchedules, name).make.extends;
}

std::vector<Row> schedule_rows() { return rows_of(kSchedules); }

}  // namespace medsweep::runner
