#include "models/layers/dropout.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace medsweep::models {
namespace {

Dropout keyed_dropout(double probability, const std::vector<std::uint64_t>& keys) {
  Dropout layer(probability);
  set_random_keys(*layer, keys);
  return layer;
}

TEST(DropoutTest, EvaluationAndProbabilityZeroAreTheIdentity) {
  const torch::Tensor x = torch::rand({2, 3, 8, 8});
  Dropout layer = keyed_dropout(0.5, {7, 8});
  layer->eval();
  EXPECT_TRUE(torch::equal(layer->forward(x), x));
  EXPECT_TRUE(torch::equal(keyed_dropout(0, {7, 8})->forward(x), x));
}

TEST(DropoutTest, ItsShareIsLostAndTheMeanStays) {
  const torch::Tensor out = keyed_dropout(0.25, {7, 8})->forward(torch::ones({2, 16, 40, 40}));
  EXPECT_NEAR((out == 0).to(torch::kFloat).mean().item<double>(), 0.25, 0.01);
  EXPECT_NEAR(out.mean().item<double>(), 1, 0.01);
  EXPECT_NEAR(out.max().item<double>(), 4.0 / 3, 1e-6);
}

TEST(DropoutTest, WhatASampleLosesFollowsFromItsKeyAlone) {
  const torch::Tensor x = torch::ones({2, 3, 9, 7});
  const torch::Tensor both = keyed_dropout(0.5, {7, 8})->forward(x);
  const torch::Tensor last = keyed_dropout(0.5, {8})->forward(x.narrow(0, 1, 1));
  const torch::Tensor striped =
      keyed_dropout(0.5, {7, 8})->forward(x.contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::equal(both[1], last[0]));
  EXPECT_FALSE(torch::equal(both[0], both[1]));
  EXPECT_TRUE(torch::equal(both, striped));
  EXPECT_TRUE(striped.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(keyed_dropout(0.5, {})->forward(x.narrow(0, 0, 0)).size(0), 0);
}

TEST(DropoutTest, ABadProbabilityAndMissingKeysAreRefused) {
  EXPECT_THROW(Dropout(1.0), std::invalid_argument);
  EXPECT_THROW(Dropout(-0.1), std::invalid_argument);
  EXPECT_THROW(Dropout(0.5)->forward(torch::ones({2, 3})), std::logic_error);
}

}  // namespace
}  // namespace medsweep::models
