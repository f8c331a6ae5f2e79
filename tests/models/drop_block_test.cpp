#include "models/layers/drop_block.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace medsweep::models {
namespace {

constexpr std::int64_t kSize = 5;

DropBlock drop_block(double keep = 0.8, std::int64_t size = kSize) {
  DropBlock layer(DropBlockOptions{keep, size});
  set_random_keys(*layer, {7, 8});
  return layer;
}

torch::Tensor features() { return torch::ones({2, 6, 24, 32}); }

TEST(DropBlockTest, EvaluationAndKeepOneAreTheIdentity) {
  const torch::Tensor x = torch::rand({2, 3, 8, 8});
  DropBlock layer = drop_block();
  layer->eval();
  EXPECT_TRUE(torch::equal(layer->forward(x), x));
  EXPECT_TRUE(torch::equal(drop_block(1)->forward(x), x));
}

TEST(DropBlockTest, WhatIsDroppedIsWholeBlocksAndTheScalesOfASampleSumUp) {
  const torch::Tensor out = drop_block()->forward(features());
  const torch::Tensor dropped = (out == 0).to(torch::kFloat);
  // Erosion by a block, then dilation: what no block covers disappears.
  const torch::Tensor begins = 1 - torch::max_pool2d(1 - dropped, kSize, 1);
  const torch::Tensor opened =
      torch::max_pool2d(torch::constant_pad_nd(begins, {4, 4, 4, 4}), kSize, 1);
  EXPECT_TRUE(torch::equal(opened, dropped));
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(out[i].mean().item<double>(), 1, 1e-5) << i;
    EXPECT_EQ(std::get<0>(torch::_unique(out[i])).numel(), 2) << i;  // 0 and one scale
  }
  EXPECT_FALSE(torch::equal(dropped[0][0], dropped[0][1])) << "each channel has its own blocks";
}

TEST(DropBlockTest, KeepIsTheShareThatStays) {
  DropBlock layer = drop_block(0.8, 7);
  const torch::Tensor out = layer->forward(torch::ones({2, 200, 40, 40}));
  // Blocks overlap: the share is a little above `keep`.
  const double kept = (out != 0).to(torch::kFloat).mean().item<double>();
  EXPECT_GT(kept, 0.8);
  EXPECT_LT(kept, 0.86);
}

TEST(DropBlockTest, DrawsFollowFromKeyAndLayerAlone) {
  DropBlock layer = drop_block();
  const torch::Tensor both = layer->forward(features());
  EXPECT_TRUE(torch::equal(layer->forward(features()), both));
  EXPECT_FALSE(torch::equal(both[0], both[1]));
  set_random_keys(*layer, {8});
  EXPECT_TRUE(torch::equal(layer->forward(features().narrow(0, 1, 1))[0], both[1]));
  torch::nn::Sequential two(drop_block(), drop_block());
  set_random_keys(*two, {7, 8});
  EXPECT_TRUE(torch::equal(two[0]->as<DropBlock>()->forward(features()), both));
  EXPECT_FALSE(torch::equal(two[1]->as<DropBlock>()->forward(features()), both));
}

TEST(DropBlockTest, TheGradientIsDroppedAndScaledLikewise) {
  const torch::Tensor x = features().requires_grad_();
  const torch::Tensor out = drop_block()->forward(x);
  out.sum().backward();
  EXPECT_TRUE(torch::equal(x.grad(), out));
}

TEST(DropBlockTest, LayoutAndTypeDoNotMatter) {
  const torch::Tensor out = drop_block()->forward(features());
  const torch::Tensor last =
      drop_block()->forward(features().contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(last.is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::equal(last, out));
  const torch::Tensor half = drop_block()->forward(features().to(torch::kBFloat16));
  EXPECT_EQ(half.scalar_type(), torch::kBFloat16);
  EXPECT_TRUE(torch::equal(half, out.to(torch::kBFloat16)));
}

TEST(DropBlockTest, BadOptionsMapsAndKeysAreRefused) {
  EXPECT_THROW(DropBlock(DropBlockOptions{0, 7}), std::invalid_argument);
  EXPECT_THROW(DropBlock(DropBlockOptions{1.1, 7}), std::invalid_argument);
  EXPECT_THROW(DropBlock(DropBlockOptions{0.8, 0}), std::invalid_argument);
  EXPECT_THROW(drop_block()->forward(torch::ones({2, 1, 4, 8})), std::invalid_argument);
  EXPECT_THROW(drop_block()->forward(torch::ones({3, 1, 8, 8})), std::logic_error);
}

}  // namespace
}  // namespace medsweep::models
