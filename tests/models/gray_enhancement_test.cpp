#include "models/layers/gray_enhancement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/init.h"

namespace medsweep::models {
namespace {

TEST(GrayEnhancement, AddsToTheImageAndReachesEveryParameter) {
  torch::manual_seed(0);
  GrayEnhancement enhancement(GrayEnhancementOptions{});
  initialize(*enhancement, "default", 1);
  const torch::Tensor images = torch::rand({2, 1, 20, 17});
  const torch::Tensor enhanced = enhancement->forward(images);
  ASSERT_EQ(enhanced.sizes(), images.sizes());
  enhanced.square().sum().backward();
  std::int64_t count = 0;
  for (const auto& parameter : enhancement->named_parameters()) {
    count += parameter.value().numel();
    EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  }
  // 1 -> 16 and three times 16 -> 16 without bias, four normalisations, 16 -> 1 with bias.
  EXPECT_EQ(count, 9 * 16 + 3 * 9 * 16 * 16 + 4 * 32 + 17);
  EXPECT_THAT(enhancement->named_parameters().keys(),
              testing::IsSupersetOf({"blocks.0.convolution.weight", "blocks.3.normalization.bias",
                                     "output.weight", "output.bias"}));
}

TEST(GrayEnhancement, OfAZeroLastConvolutionIsTheIdentity) {
  GrayEnhancement enhancement(GrayEnhancementOptions{});
  torch::NoGradGuard no_grad;
  for (auto& parameter : enhancement->named_parameters())
    if (parameter.key().starts_with("output")) parameter.value().zero_();
  const torch::Tensor images = torch::rand({1, 1, 8, 8});
  EXPECT_TRUE(torch::equal(enhancement->forward(images), images));
}

TEST(GrayEnhancement, BadOptionsAreRefused) {
  EXPECT_THROW(GrayEnhancement(GrayEnhancementOptions{.channels = 0}), std::invalid_argument);
  EXPECT_THROW(GrayEnhancement(GrayEnhancementOptions{.width = 0}), std::invalid_argument);
  EXPECT_THROW(GrayEnhancement(GrayEnhancementOptions{.depth = 0}), std::invalid_argument);
  EXPECT_THROW(GrayEnhancement(GrayEnhancementOptions{.normalization = "layer"}),
               std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
