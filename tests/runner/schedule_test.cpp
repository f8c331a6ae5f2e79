#include "runner/schedule.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace medsweep::runner {
namespace {

using Json = nlohmann::json;

ScheduleOptions schedule_from(const Json& json) {
  ScheduleOptions options;
  for (const auto& [key, value] : json.items()) {
    if (key == "name")
      value.get_to(options.name);
    else if (key == "factor")
      value.get_to(options.factor);
    else if (key == "every_epochs")
      value.get_to(options.every_epochs);
    else if (key == "milestones")
      value.get_to(options.milestones);
    else if (key == "patience")
      value.get_to(options.patience);
    else if (key == "threshold")
      value.get_to(options.threshold);
    else if (key == "cooldown")
      value.get_to(options.cooldown);
    else if (key == "power")
      value.get_to(options.power);
    else if (key == "minimum_learning_rate")
      value.get_to(options.minimum_learning_rate);
    else if (key == "interval")
      value.get_to(options.interval);
    else if (key == "warm_up_steps")
      value.get_to(options.warm_up_steps);
    else if (key == "warm_up_epochs")
      value.get_to(options.warm_up_epochs);
    else if (key == "warm_up_factor")
      value.get_to(options.warm_up_factor);
    else if (key == "direction")
      options.direction = Direction::kHigher;
    else
      throw std::runtime_error("the test does not know the option " + key);
  }
  return options;
}

/// The rate of every step; the schedule is thrown away and restored from JSON after each epoch.
std::vector<double> rates_of(const ScheduleOptions& options, const Json& golden) {
  const TrainingLength length{golden["epochs"], golden["steps_per_epoch"]};
  ScheduleState state;
  std::vector<double> rates;
  for (std::int64_t epoch = 0; epoch < length.epochs; ++epoch) {
    Schedule schedule(options, golden["base"], length);
    schedule.restore(Json::parse(Json(state).dump()).get<ScheduleState>());
    for (std::int64_t step = 0; step < length.steps_per_epoch; ++step)
      rates.push_back(schedule.learning_rate(epoch * length.steps_per_epoch + step, epoch));
    schedule.observe(golden["losses"][static_cast<std::size_t>(epoch)]);
    state = schedule.state();
  }
  return rates;
}

TEST(Schedule, EqualsPyTorchAtEveryStepAndGoesOnFromItsState) {
  const Json golden =
      Json::parse(std::ifstream(MEDSWEEP_SOURCE_DIR "/tests/golden/schedules.json"));
  std::set<std::string> seen;
  for (const auto& scenario : golden["cases"]) {
    const auto options = schedule_from(scenario["options"]);
    seen.insert(options.name);
    const auto rates = rates_of(options, golden);
    const auto expected = scenario["rates"].get<std::vector<double>>();
    ASSERT_EQ(rates.size(), expected.size());
    for (std::size_t i = 0; i < rates.size(); ++i)
      EXPECT_NEAR(rates[i], expected[i], 1e-12) << scenario["options"] << " step " << i;
  }
  for (const auto& row : schedule_rows())
    EXPECT_TRUE(seen.contains(std::string(row.name))) << row.name << " has no golden numbers";
}

TEST(Schedule, ExtendsWithEpochsSaysWhereALongerTrainingBeginsAlike) {
  for (const auto& row : schedule_rows()) {
    const auto options = schedule_from({{"name", row.name}, {"milestones", {2}}});
    const Schedule shorter(options, 0.1, {6, 5}), longer(options, 0.1, {12, 5});
    bool alike = true;
    for (std::int64_t step = 0; step < 30; ++step)
      alike &= shorter.learning_rate(step, step / 5) == longer.learning_rate(step, step / 5);
    EXPECT_EQ(extends_with_epochs(row.name), alike) << row.name;
  }
}

TEST(Schedule, NaNIsNoImprovement) {
  Schedule schedule(schedule_from({{"name", "plateau"}, {"factor", 0.5}, {"patience", 1}}), 1.0,
                    {5, 1});
  for (int epoch = 0; epoch < 2; ++epoch)
    schedule.observe(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(schedule.learning_rate(2, 2), 0.5);
  EXPECT_FALSE(schedule.state().best.has_value());
}

TEST(Schedule, OnlyPlateauObserves) {
  for (const auto& row : schedule_rows()) {
    Schedule schedule(schedule_from({{"name", row.name}}), 0.1, {5, 2});
    for (int i = 0; i < 30; ++i) schedule.observe(1.0);
    EXPECT_EQ(schedule.observes(), row.name == "plateau");
    EXPECT_EQ(schedule.state() == ScheduleState{}, row.name != "plateau") << row.name;
  }
}

TEST(Schedule, ErrorsNameTheOptionAndWhatIsAllowed) {
  const auto message = [](const Json& options) -> std::string {
    try {
      Schedule schedule(schedule_from(options), 0.1, {2, 2});
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({{"name", "cosin"}}),
            "[schedule] unknown name 'cosin'; did you mean 'cosine'? known: constant step "
            "multi_step plateau polynomial cosine");
  EXPECT_EQ(message({{"factor", 0}}), "[schedule] factor 0; more than 0 is allowed");
  EXPECT_EQ(message({{"interval", "day"}}),
            "[schedule] interval 'day'; 'step' or 'epoch' is allowed");
  EXPECT_EQ(message({{"warm_up_steps", 1}, {"warm_up_epochs", 1}}),
            "[schedule] warm_up_steps and warm_up_epochs are both given; one of them is allowed");
  EXPECT_EQ(message({{"milestones", {3, 1}}}), "[schedule] milestones must ascend");
  EXPECT_THROW(extends_with_epochs("linear"), std::invalid_argument);
}

TEST(EarlyStop, StopsAfterMoreThanPatienceEvaluationsWithoutImprovement) {
  EarlyStop early_stop({"dice", Direction::kHigher, 2, 0.01});
  EXPECT_FALSE(early_stop.observe(0.5));
  EXPECT_FALSE(early_stop.observe(0.505));  // less than the delta: none
  EXPECT_FALSE(early_stop.observe(std::numeric_limits<double>::quiet_NaN()));
  EarlyStop resumed({"dice", Direction::kHigher, 2, 0.01});
  resumed.restore(Json::parse(Json(early_stop.state()).dump()).get<EarlyStopState>());
  EXPECT_EQ(resumed.state(), early_stop.state());
  EXPECT_TRUE(resumed.observe(0.4));
  EXPECT_FALSE(early_stop.observe(0.6));  // an improvement starts the count again
  EXPECT_EQ(early_stop.state().bad_evaluations, 0);
}

TEST(EarlyStop, KnowsWhichWayIsBetterAndStaysOffWithoutAMetric) {
  EarlyStop lower({"loss", Direction::kLower, 0, 0});
  EXPECT_FALSE(lower.observe(2));
  EXPECT_FALSE(lower.observe(1));
  EXPECT_TRUE(lower.observe(1));
  EarlyStop off(EarlyStopOptions{});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(off.observe(0));
  EXPECT_THROW(EarlyStop({.patience = -1}), std::invalid_argument);
  EXPECT_THROW(EarlyStop({.minimum_delta = -1}), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::runner
