#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "models/layers/batch_norm.h"
#include "runner/training_step.h"
#include "tests/models/allocation_peak.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::runner {
namespace {

using models::BatchStatistics;
using models::MaskRcnn;
using models::MaskRcnnOptions;
using models::Precision;

struct PiecesCase {
  BatchStatistics statistics = BatchStatistics::kSynchronized;
  Precision precision = Precision::kFp32;
};

MaskRcnnOptions pieces_options(const PiecesCase& chosen) {
  MaskRcnnOptions options = models::small_options();
  options.backbone_options.batch_statistics = chosen.statistics;
  options.precision = chosen.precision;
  options.seed = 5;
  return options;
}

/// Four images, the third without objects, in shards of three and one.
datasets::LoadedBatch four_images(std::int64_t side) {
  const datasets::Extent extent{side, side};
  datasets::LoadedBatch loaded;
  loaded.batch = models::made_batch({extent, extent, extent, extent},
                                    {{{{4, 6, 30, 40}, 1}, {{20, 10, 60, 60}, 2}},
                                     {{{10, 20, 50, 60}, 3}},
                                     {},
                                     {{{2, 30, 30, 50}, 1}}});
  loaded.shards = {{0, 3}, {3, 4}};
  loaded.global_size = 4;
  return loaded;
}

/// Forwards of all pieces, then one backward: what a step of pieces must equal.
models::LossWeights held_together(MaskRcnn& model, const std::vector<datasets::Batch>& pieces) {
  std::map<std::string, models::Loss> joined;
  for (const auto& piece : pieces)
    for (const auto& [name, loss] : model.loss(piece)) {
      models::Loss& sum = joined[name];
      sum.sum = sum.sum.defined() ? sum.sum + loss.sum : loss.sum;
      sum.weight += loss.weight;
    }
  models::LossWeights means;
  torch::Tensor total = torch::zeros({});
  for (const auto& [name, loss] : joined) {
    const torch::Tensor mean = loss.sum / (loss.weight > 0 ? loss.weight : 1.0);
    means[name] = mean.item<double>();
    total = total + mean;
  }
  total.backward();
  models::finish_step(model, nullptr);
  return means;
}

class PiecesOfAStep : public testing::TestWithParam<PiecesCase> {};

TEST_P(PiecesOfAStep, GiveLossesGradientsAndStatisticsOfGraphsHeldTogether) {
  const auto model = std::make_shared<MaskRcnn>(pieces_options(GetParam()));
  const auto reference = std::make_shared<MaskRcnn>(pieces_options(GetParam()));
  model->train();
  reference->train();
  const auto group = single_communicator();
  GradientReducer reducer(*model, nullptr);
  TrainingStep step(*model, *group, reducer, 2);
  const datasets::LoadedBatch loaded = four_images(64);
  const StepResult result = step.run([&] { return loaded; }, false);
  models::finish_step(*model, nullptr);

  const auto means = held_together(
      *reference, {datasets::slice(loaded.batch, 0, 2), datasets::slice(loaded.batch, 2, 3),
                   datasets::slice(loaded.batch, 3, 4)});
  for (const auto& [name, mean] : means)
    EXPECT_NEAR(result.losses.at(name), mean, 1e-6 * std::max(1.0, std::abs(mean))) << name;
  double largest = 0;
  for (const auto& parameter : reference->parameters())
    largest = std::max(largest, parameter.grad().norm().item<double>());
  EXPECT_GT(largest, 0);
  const auto own = model->named_parameters();
  for (const auto& item : reference->named_parameters()) {
    const torch::Tensor difference = own[item.key()].grad() - item.value().grad();
    EXPECT_LE(difference.norm().item<double>(), 1e-6 * largest) << item.key();
  }
  const auto buffers = model->named_buffers();
  for (const auto& item : reference->named_buffers())
    EXPECT_TRUE(torch::equal(buffers[item.key()], item.value())) << item.key();
}

INSTANTIATE_TEST_SUITE_P(Modes, PiecesOfAStep,
                         testing::Values(PiecesCase{},
                                         PiecesCase{.statistics = BatchStatistics::kPerShard},
                                         PiecesCase{.statistics = BatchStatistics::kFrozen},
                                         PiecesCase{.statistics = BatchStatistics::kFrozen,
                                                    .precision = Precision::kBf16}));

/// Of a second step, whose gradients are there already.
std::int64_t peak_bytes_of_step(std::int64_t micro_batch_size) {
  const auto model =
      std::make_shared<MaskRcnn>(pieces_options({.statistics = BatchStatistics::kFrozen}));
  model->train();
  const auto group = single_communicator();
  GradientReducer reducer(*model, nullptr);
  TrainingStep step(*model, *group, reducer, micro_batch_size);
  datasets::LoadedBatch loaded = four_images(256);
  loaded.shards = {{0, 4}};
  step.run([&] { return loaded; }, false);
  const AllocationPeak allocated;
  step.run([&] { return loaded; }, false);
  return allocated.bytes();
}

TEST(TrainingStepMemory, ASampleAtATimeHoldsTheGraphOfOneSample) {
  const std::int64_t whole = peak_bytes_of_step(0), half = peak_bytes_of_step(2),
                     single = peak_bytes_of_step(1);
  RecordProperty("whole", static_cast<int>(whole >> 10));
  RecordProperty("single", static_cast<int>(single >> 10));
  EXPECT_LT(static_cast<double>(half), 0.7 * static_cast<double>(whole));
  EXPECT_LT(static_cast<double>(single), 0.5 * static_cast<double>(whole));
}

}  // namespace
}  // namespace medsweep::runner
