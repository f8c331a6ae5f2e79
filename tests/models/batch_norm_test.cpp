#include "models/layers/batch_norm.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace medsweep::models {
namespace {

BatchNorm2d make_layer(BatchStatistics statistics) {
  BatchNorm2d layer(BatchNorm2dOptions{.channels = 3, .statistics = statistics});
  torch::NoGradGuard no_grad;
  layer->named_parameters()["weight"].copy_(torch::tensor({0.5F, 2.0F, -1.0F}));
  layer->named_parameters()["bias"].copy_(torch::tensor({0.1F, 0.2F, 0.3F}));
  layer->named_buffers()["running_mean"].copy_(torch::tensor({1.0F, 2.0F, 3.0F}));
  layer->named_buffers()["running_var"].copy_(torch::tensor({4.0F, 0.25F, 1.0F}));
  return layer;
}

torch::Tensor images(std::int64_t seed, std::int64_t samples = 4) {
  torch::manual_seed(static_cast<std::uint64_t>(seed));
  return 3 * torch::randn({samples, 3, 5, 4}) + 1;
}

torch::Tensor buffer(const BatchNorm2d& layer, const std::string& name) {
  return layer->named_buffers()[name];
}

bool close(const torch::Tensor& a, const torch::Tensor& b) {
  return torch::allclose(a, b, 1e-5, 1e-6);
}

TEST(BatchNorm2d, HasTheKeysOfTorchs) {
  const BatchNorm2d ours(BatchNorm2dOptions{.channels = 3});
  const torch::nn::BatchNorm2d theirs(3);
  EXPECT_EQ(ours->named_parameters().keys(), theirs->named_parameters().keys());
  EXPECT_EQ(ours->named_buffers().keys(), theirs->named_buffers().keys());
}

TEST(BatchNorm2d, WithoutAGroupIsBitForBitTorchs) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    BatchNorm2d ours(BatchNorm2dOptions{.channels = 3});
    torch::nn::BatchNorm2d theirs(3);
    for (int step = 0; step < 2; ++step) {
      const torch::Tensor ours_in = images(step).to(type).requires_grad_();
      const torch::Tensor theirs_in = images(step).to(type).requires_grad_();
      const torch::Tensor a = ours->forward(ours_in), b = theirs->forward(theirs_in);
      EXPECT_TRUE(torch::equal(a, b));
      a.square().sum().backward();
      b.square().sum().backward();
      EXPECT_TRUE(torch::equal(ours_in.grad(), theirs_in.grad()));
    }
    for (const auto& item : theirs->named_buffers())
      EXPECT_TRUE(torch::equal(buffer(ours, item.key()), item.value())) << item.key();
  }
}

TEST(BatchNorm2d, FrozenUsesTheRunningStatisticsAndNeverChangesThem) {
  BatchNorm2d layer = make_layer(BatchStatistics::kFrozen);
  const torch::Tensor input = images(0);
  const torch::Tensor mean = torch::tensor({1.0F, 2.0F, 3.0F}).view({1, 3, 1, 1});
  const torch::Tensor variance = torch::tensor({4.0F, 0.25F, 1.0F}).view({1, 3, 1, 1});
  const torch::Tensor weight = torch::tensor({0.5F, 2.0F, -1.0F}).view({1, 3, 1, 1});
  const torch::Tensor bias = torch::tensor({0.1F, 0.2F, 0.3F}).view({1, 3, 1, 1});
  const torch::Tensor expected = (input - mean) / (variance + 1e-5).sqrt() * weight + bias;
  EXPECT_TRUE(close(layer->forward(input), expected));
  finish_step(*layer, nullptr);
  EXPECT_TRUE(torch::equal(buffer(layer, "running_mean"), torch::tensor({1.0F, 2.0F, 3.0F})));
  EXPECT_EQ(buffer(layer, "num_batches_tracked").item<std::int64_t>(), 0);
}

TEST(BatchNorm2d, PerShardRunningStatisticsMoveByTheMeanOverTheShardsAtTheEndOfAStep) {
  BatchNorm2d layer = make_layer(BatchStatistics::kPerShard);
  torch::Tensor mean = torch::zeros({3}), variance = torch::zeros({3});
  for (const std::int64_t shard : {0, 1, 2}) {
    const torch::Tensor input = images(shard, shard + 1);
    const torch::Tensor local_mean = input.mean({0, 2, 3}, true);
    const torch::Tensor local = input.var({0, 2, 3}, false, true);
    const torch::Tensor expected = (input - local_mean) / (local + 1e-5).sqrt() *
                                       torch::tensor({0.5F, 2.0F, -1.0F}).view({1, 3, 1, 1}) +
                                   torch::tensor({0.1F, 0.2F, 0.3F}).view({1, 3, 1, 1});
    EXPECT_TRUE(close(layer->forward(input), expected));
    mean += local_mean.flatten() / 3;
    variance += input.var({0, 2, 3}, true, false) / 3;
  }
  layer->forward(images(0, 0));  // a shard of no samples says nothing
  EXPECT_TRUE(torch::equal(buffer(layer, "running_mean"), torch::tensor({1.0F, 2.0F, 3.0F})));

  finish_step(*layer, nullptr);

  EXPECT_TRUE(
      close(buffer(layer, "running_mean"), 0.9 * torch::tensor({1.0F, 2.0F, 3.0F}) + 0.1 * mean));
  EXPECT_TRUE(close(buffer(layer, "running_var"),
                    0.9 * torch::tensor({4.0F, 0.25F, 1.0F}) + 0.1 * variance));
  EXPECT_EQ(buffer(layer, "num_batches_tracked").item<std::int64_t>(), 1);
  const torch::Tensor after = buffer(layer, "running_mean").clone();
  finish_step(*layer, nullptr);
  EXPECT_TRUE(torch::equal(buffer(layer, "running_mean"), after)) << "no forward, no change";
}

TEST(BatchNorm2d, RefusesToTrainOnOneValuePerChannelAndLeavesTheStatisticsAlone) {
  for (const auto statistics : {BatchStatistics::kSynchronized, BatchStatistics::kPerShard}) {
    BatchNorm2d layer = make_layer(statistics);
    EXPECT_THROW(layer->forward(torch::zeros({1, 3, 1, 1})), std::invalid_argument);
    layer->forward(torch::zeros({0, 3, 2, 2}));
    EXPECT_TRUE(torch::equal(buffer(layer, "running_mean"), torch::tensor({1.0F, 2.0F, 3.0F})));
    EXPECT_EQ(buffer(layer, "num_batches_tracked").item<std::int64_t>(), 0);
  }
}

TEST(BatchStatistics, UnknownNameIsRefused) {
  EXPECT_EQ(batch_statistics_of("per_shard"), BatchStatistics::kPerShard);
  EXPECT_THROW(batch_statistics_of("per_rank"), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
