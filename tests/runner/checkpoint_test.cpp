#include "runner/checkpoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>

#include "base/files.h"
#include "runner/checkpoint_writer.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

class Checkpoints : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    model_["weight"] = torch::ones({3, 4}).set_requires_grad(true);
    model_["running_mean"] = torch::zeros({3});
    optimizer_["exp_avg.weight"] = torch::zeros({3, 4});
  }
  void TearDown() override { fs::remove_all(folder_); }

  TrainingState state_at(std::int64_t step, std::int64_t best_step = -1) const {
    TrainingState state;
    state.identity = "0123456789abcdef";
    state.epoch = step / 10;
    state.step = step;
    if (best_step >= 0) state.best = BestSoFar{"dice", 0.5, best_step / 10, best_step};
    return state;
  }
  void set_values(double value) {
    const torch::NoGradGuard no_grad;
    for (auto* tensors : {&model_, &optimizer_})
      for (auto& entry : *tensors) entry.second.fill_(value);
  }
  /// Saves with all tensors equal to the step.
  void save_at(CheckpointWriter& writer, std::int64_t step, std::int64_t best_step = -1) {
    set_values(static_cast<double>(step));
    writer.save(state_at(step, best_step), model_, optimizer_);
    writer.finish();
  }
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  /// Changes one byte in the middle of a file.
  static void damage(const fs::path& file) {
    std::string bytes = read_file(file);
    bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
    std::ofstream(file, std::ios::binary) << bytes;
  }

  const fs::path folder_ =
      fs::path(testing::TempDir()) /
      fmt::format("medsweep_{}", testing::UnitTest::GetInstance()->current_test_info()->name());
  Tensors model_, optimizer_;
};

TEST_F(Checkpoints, EverythingComesBack) {
  TrainingState state = state_at(123, 100);
  state.step_in_epoch = 3;
  state.schedule = {.best = 0.1, .learning_rate = 1.0 / 3, .bad_epochs = 2, .cooldown_left = 1};
  state.early_stop = {.best = 0.7, .bad_evaluations = 4};
  state.totals = {{"loss.dice", 0.1 + 0.2}, {"samples", 24}};
  state.notes = {{"precision", "bf16"}};
  CheckpointWriter writer(folder_);
  writer.save(state, model_, optimizer_);
  writer.finish();

  const auto newest = load_newest(folder_);
  ASSERT_TRUE(newest.checkpoint);
  EXPECT_TRUE(newest.warnings.empty());
  EXPECT_EQ(newest.checkpoint->path, folder_ / "step-000123");
  EXPECT_EQ(newest.checkpoint->state, state);
  EXPECT_TRUE(torch::equal(newest.checkpoint->model.at("weight"), model_.at("weight")));
  EXPECT_TRUE(torch::equal(newest.checkpoint->optimizer.at("exp_avg.weight"),
                           optimizer_.at("exp_avg.weight")));
}

TEST_F(Checkpoints, HoldTheValuesOfTheMomentOfSaving) {
  CheckpointWriter writer(folder_);
  for (const std::int64_t step : {1, 2, 3}) {  // the kept buffers are used again
    set_values(static_cast<double>(step));
    writer.save(state_at(step), model_, optimizer_);
    model_["running_mean"].fill_(-1);  // as forward does
    writer.wait_for_snapshot();
    set_values(-2);  // as the optimizer does
    writer.finish();
    const auto checkpoint = load_checkpoint(folder_ / checkpoint_name(step));
    for (const auto* tensors : {&checkpoint.model, &checkpoint.optimizer})
      for (const auto& [name, tensor] : *tensors)
        EXPECT_TRUE((tensor == static_cast<double>(step)).all().item<bool>()) << name << step;
  }
}

TEST_F(Checkpoints, FollowTensorsThatChangeShapeOrName) {
  CheckpointWriter writer(folder_);
  save_at(writer, 1);
  model_.erase("running_mean");
  model_["weight"] = torch::ones({2, 2}).set_requires_grad(true);
  save_at(writer, 2);
  const auto checkpoint = load_checkpoint(folder_ / "step-000002");
  EXPECT_EQ(checkpoint.model.size(), 1U);
  EXPECT_EQ(checkpoint.model.at("weight").sum().item<double>(), 8);
}

TEST_F(Checkpoints, TheNewestAndTheBestStay) {
  CheckpointWriter writer(folder_, {.keep = 2});
  save_at(writer, 10, 10);
  save_at(writer, 20, 10);
  save_at(writer, 30, 10);
  EXPECT_THAT(entries(), testing::ElementsAre("step-000010", "step-000020", "step-000030"));
  save_at(writer, 40, 40);
  EXPECT_THAT(entries(), testing::ElementsAre("step-000030", "step-000040"));
  save_at(writer, 50, 40);
  save_at(writer, 1'234'567, 40);
  EXPECT_THAT(entries(), testing::ElementsAre("step-000040", "step-000050", "step-1234567"));
  EXPECT_EQ(load_best(folder_)->state.step, 40);
  EXPECT_EQ(load_newest(folder_).checkpoint->state.step, 1'234'567);
}

TEST_F(Checkpoints, TheSameStepMayBeSavedAgain) {
  CheckpointWriter writer(folder_);
  save_at(writer, 10);
  model_["running_mean"].fill_(77);
  writer.save(state_at(10, 10), model_, optimizer_);
  writer.finish();
  EXPECT_THAT(entries(), testing::ElementsAre("step-000010"));
  const auto checkpoint = load_checkpoint(folder_ / "step-000010");
  EXPECT_EQ(checkpoint.model.at("running_mean")[0].item<double>(), 77);
  EXPECT_TRUE(checkpoint.state.best);
}

TEST_F(Checkpoints, ADamagedNewestIsPassedOverWithAWarningAndReplacedLater) {
  for (const char* file : {kModelFile, kOptimizerFile, kStateFile}) {
    fs::remove_all(folder_);
    CheckpointWriter writer(folder_, {.keep = 2});
    save_at(writer, 10);
    save_at(writer, 20);
    damage(folder_ / "step-000020" / file);

    const auto newest = load_newest(folder_);
    ASSERT_TRUE(newest.checkpoint) << file;
    EXPECT_EQ(newest.checkpoint->state.step, 10);
    ASSERT_EQ(newest.warnings.size(), 1U);
    EXPECT_THAT(newest.warnings[0], testing::HasSubstr((folder_ / "step-000020" / file).string()));

    save_at(writer, 15);
    EXPECT_THAT(entries(), testing::ElementsAre("step-000010", "step-000015"));
  }
}

TEST_F(Checkpoints, AMissingOrCutFileIsDamage) {
  CheckpointWriter writer(folder_);
  for (const char* file : {kModelFile, kOptimizerFile, kStateFile}) {
    save_at(writer, 10);
    fs::resize_file(folder_ / "step-000010" / file, 100);
    EXPECT_FALSE(load_newest(folder_).checkpoint) << file;
    save_at(writer, 10);
    fs::remove(folder_ / "step-000010" / file);
    const auto newest = load_newest(folder_);
    EXPECT_FALSE(newest.checkpoint) << file;
    EXPECT_EQ(newest.warnings.size(), 1U);
  }
}

TEST_F(Checkpoints, NothingIsFoundWhereNothingIs) {
  EXPECT_FALSE(load_newest(folder_).checkpoint);
  EXPECT_FALSE(load_best(folder_));
  fs::create_directories(folder_ / "step-12x");
  fs::create_directories(folder_ / "other");
  EXPECT_THAT(checkpoint_steps(folder_), testing::IsEmpty());
}

TEST_F(Checkpoints, AnUnfinishedOneDoesNotCountAndIsClearedAway) {
  {
    CheckpointWriter writer(folder_);
    save_at(writer, 10);
  }
  fs::copy(folder_ / "step-000010", folder_ / "step-000020.tmp");  // killed before the rename
  EXPECT_EQ(load_newest(folder_).checkpoint->state.step, 10);
  const CheckpointWriter writer(folder_);
  EXPECT_THAT(entries(), testing::ElementsAre("step-000010"));
}

TEST_F(Checkpoints, AnotherFormatVersionIsNamed) {
  CheckpointWriter writer(folder_);
  save_at(writer, 10);
  const fs::path file = folder_ / "step-000010" / kStateFile;
  std::string text = read_file(file);
  const std::string key = "\"format_version\": 1";
  std::ofstream(file) << text.replace(text.find(key), key.size(), "\"format_version\": 9");
  EXPECT_THAT([&] { load_checkpoint(folder_ / "step-000010"); },
              testing::ThrowsMessage<std::runtime_error>(
                  fmt::format("[{}] checkpoint format 9; 1 is allowed", file.string())));
}

TEST_F(Checkpoints, AFailedWriteSurfacesAndLeavesTheOlderOnes) {
  CheckpointWriter writer(folder_);
  save_at(writer, 10);
  const fs::path elsewhere = folder_.string() + "_elsewhere";
  fs::rename(folder_, elsewhere);  // fails for root too
  writer.save(state_at(20), model_, optimizer_);
  EXPECT_THAT([&] { writer.finish(); },
              testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("step-000020.tmp")));
  fs::rename(elsewhere, folder_);
  EXPECT_EQ(load_newest(folder_).checkpoint->state.step, 10);
  save_at(writer, 30);  // the writer goes on after an error
  EXPECT_EQ(load_newest(folder_).checkpoint->state.step, 30);
}

TEST_F(Checkpoints, KeepingNoneIsRefused) {
  EXPECT_THROW(CheckpointWriter(folder_, {.keep = 0}), std::invalid_argument);
}

TEST(NamedTensors, AreThoseOfAStateDictAndLoadStrictly) {
  torch::nn::Sequential from(torch::nn::Conv2d(2, 3, 3), torch::nn::BatchNorm2d(3));
  torch::nn::Sequential to(torch::nn::Conv2d(2, 3, 3), torch::nn::BatchNorm2d(3));
  from->forward(torch::randn({2, 2, 5, 5}));
  const Tensors tensors = named_tensors(*from);
  EXPECT_EQ(tensors.size(), 7U);
  load_tensors(*to, tensors);
  for (const auto& [name, tensor] : named_tensors(*to))
    EXPECT_TRUE(torch::equal(tensor, tensors.at(name))) << name;
  torch::nn::Sequential other(torch::nn::Conv2d(2, 4, 3), torch::nn::BatchNorm2d(4));
  EXPECT_THROW(load_tensors(*other, tensors), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::runner
