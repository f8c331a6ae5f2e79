#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <torch/torch.h>

#include <chrono>

#include "runner/checkpoint_writer.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

TrainingState state_at(std::int64_t step) {
  TrainingState state;
  state.step = step;
  return state;
}

TEST(CheckpointsOnAFullDisk, TheErrorNamesTheFileAndTheOlderOnesStay) {
  const fs::path disk = fs::path(testing::TempDir()) / "medsweep_small_disk";
  fs::create_directories(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) {
    fs::remove(disk);
    GTEST_SKIP() << "a small tmpfs cannot be mounted here (not root, or not allowed)";
  }
  {
    const Tensors small{{"weight", torch::ones({1000})}};
    const Tensors large{{"weight", torch::ones({1'000'000})}};
    CheckpointWriter writer(disk / "checkpoints");
    writer.save(state_at(1), small, {});
    writer.finish();
    writer.save(state_at(2), large, {});
    EXPECT_THAT([&] { writer.save(state_at(3), small, {}); },
                testing::ThrowsMessage<std::runtime_error>(
                    testing::AllOf(testing::HasSubstr("step-000002.tmp/model.safetensors"),
                                   testing::HasSubstr("No space left on device"))));
    EXPECT_FALSE(fs::exists(disk / "checkpoints/step-000002.tmp"));
    EXPECT_EQ(load_newest(disk / "checkpoints").checkpoint->state.step, 1);
    writer.save(state_at(3), small, {});  // and room was made again
    writer.finish();
    EXPECT_EQ(load_newest(disk / "checkpoints").checkpoint->state.step, 3);
  }
  umount(disk.c_str());
  fs::remove(disk);
}

TEST(CheckpointsOfALargeModel, SaveReturnsAtOnceAndWorkGoesOnMeanwhile) {
  const fs::path folder = fs::path(testing::TempDir()) / "medsweep_large_checkpoints";
  fs::remove_all(folder);
  Tensors model, optimizer;
  for (int i = 0; i < 31; ++i) {
    const std::string name = fmt::format("layer{}.weight", i);
    model[name] = torch::zeros({1000, 1000}).set_requires_grad(true);
    optimizer["exp_avg." + name] = torch::zeros({1000, 1000});
    optimizer["exp_avg_sq." + name] = torch::zeros({1000, 1000});
  }
  CheckpointWriter writer(folder);
  for (const std::int64_t step : {1, 2}) {
    const auto start = std::chrono::steady_clock::now();
    writer.save(state_at(step), model, optimizer);
    const auto seconds = std::chrono::steady_clock::now() - start;
    EXPECT_TRUE(writer.busy());
    EXPECT_LT(std::chrono::duration<double>(seconds).count(), 0.05);
    writer.finish();
    EXPECT_FALSE(writer.busy());
  }
  EXPECT_EQ(load_newest(folder).checkpoint->state.step, 2);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace medsweep::runner
