#include "models/backbones/backbones.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/backbones/feature_pyramid.h"
#include "models/backbones/resnet.h"
#include "models/init.h"
#include "models/layers/frozen_batch_norm.h"
#include "models/layers/normalization.h"
#include "tests/models/backbones/every_backbone.h"

namespace medsweep::models {
namespace every_backbone {

INSTANTIATE_TEST_SUITE_P(OfEachFamily, EveryBackbone, testing::ValuesIn(backbone_names(false)),
                         [](const auto& info) { return info.param; });

}  // namespace every_backbone

namespace {

using testing::ElementsAre;

std::int64_t count_of(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

TEST(Backbone, AnyNormalisationOfTheTableFits) {
  for (const Row& row : normalization_rows()) {
    BackboneOptions options;
    options.normalization = row.name;
    const auto backbone = make_backbone("resnet18", options);
    EXPECT_EQ(backbone->forward(torch::randn({2, 3, 64, 64}))[3].size(1), 512) << row.name;
  }
}

TEST(Backbone, OneInputChannelSavesTwoThirdsOfTheStem) {
  EXPECT_EQ(count_of(*make_backbone("resnet18", {.in_channels = 1})), 11176512 - 2 * 64 * 49);
}

TEST(Backbone, StrideStandsInTheMiddleOrInTheFirstConvolution) {
  const auto strides = [](const Backbone& backbone) {
    std::vector<std::int64_t> found;
    for (const auto& child : backbone.named_modules())
      if (child.key() == "layer2.0.conv1" || child.key() == "layer2.0.conv2")
        found.push_back(child.value()->as<torch::nn::Conv2d>()->options.stride()->at(0));
    return found;
  };
  EXPECT_THAT(strides(*make_backbone("resnet50", {})), ElementsAre(1, 2));
  EXPECT_THAT(strides(*make_backbone("resnet50", matterport_backbone())), ElementsAre(2, 1));
}

TEST(Backbone, MatterportsHasBiasesAndItsOwnEps) {
  const auto backbone = make_backbone("resnet50", matterport_backbone());
  initialize(*backbone, "kaiming_fan_out", 0);
  EXPECT_THAT(
      backbone->named_parameters().keys(),
      testing::IsSupersetOf({"conv1.bias", "layer1.0.conv3.bias", "layer1.0.downsample.0.bias"}));
  const torch::Tensor x = torch::ones({1, 64, 1, 1});
  for (const auto& child : backbone->named_children()) {
    if (child.key() != "bn1") continue;
    const torch::Tensor y = child.value()->as<FrozenBatchNorm2d>()->forward(x);
    EXPECT_NEAR(y[0][0].item<double>(), 1 / std::sqrt(1.001), 1e-7);
  }
}

TEST(Backbone, DilatedStagesKeepTheSizeOfTheMap) {
  for (const auto& [output_stride, side] : {std::pair{16, 4}, {8, 8}}) {
    BackboneOptions options;
    options.output_stride = output_stride;
    const auto backbone = make_backbone("resnet18", options);
    EXPECT_EQ(backbone->forward(torch::randn({2, 3, 64, 64}))[3].size(2), side);
  }
  EXPECT_THROW(make_backbone("resnet18", {.output_stride = 4}), std::invalid_argument);
  EXPECT_THROW(make_backbone("densenet121", {.output_stride = 16}), std::invalid_argument);
}

TEST(Backbone, WhatStandsBetweenItsLevelsGoesOnIntoTheNext) {
  const auto backbone = make_backbone("vgg16", {});
  std::vector<std::int64_t> seen;
  const auto maps = backbone->levels(torch::randn({1, 3, 64, 64}),
                                     [&](std::int64_t level, const torch::Tensor& features) {
                                       seen.push_back(level);
                                       return level == 4 ? torch::zeros_like(features) : features;
                                     });
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(maps[4].abs().max().item<double>(), 0);  // maxima of the zeros
}

TEST(Backbone, BadOptionsAndImagesAreRefused) {
  EXPECT_THROW(make_backbone("resnet50", {.in_channels = 0}), std::invalid_argument);
  EXPECT_THROW(make_backbone("resnet50", {.normalization = "layer"}), std::invalid_argument);
  BackboneOptions misplaced;
  misplaced.attention["c2"] = {};
  EXPECT_THROW(make_backbone("resnet18", misplaced), std::invalid_argument);
  const auto backbone = make_backbone("resnet18", {});
  EXPECT_THROW(backbone->forward(torch::zeros({1, 1, 64, 64})), std::invalid_argument);
  EXPECT_THROW(backbone->forward(torch::zeros({3, 64, 64})), std::invalid_argument);
  try {
    make_backbone("resnet51", {});
    FAIL() << "an unknown name was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("[backbone] unknown name 'resnet51'; did you "
                                                  "mean 'resnet"));
  }
}

TEST(ZeroResidualBranches, MakesEveryBlockWithoutAShortcutsConvolutionTheIdentity) {
  const auto backbone = make_backbone("resnet50", {});
  initialize(*backbone, "kaiming_fan_out", 0);
  zero_residual_branches(*backbone);
  for (const auto& parameter : backbone->named_parameters()) {
    const std::string& key = parameter.key();
    if (!key.ends_with(".weight") || parameter.value().dim() != 1) continue;
    const torch::Tensor expected =
        torch::full_like(parameter.value(), key.ends_with("bn3.weight") ? 0 : 1);
    EXPECT_TRUE(torch::equal(parameter.value(), expected)) << key;
  }
}

TEST(StemFold, OfAGreyImageTheSumGivesWhatTheThreeEqualChannelsGave) {
  torch::manual_seed(0);
  const torch::Tensor weight = torch::randn({64, 3, 7, 7}), grey = torch::randn({1, 1, 20, 20});
  const torch::Tensor expected = torch::conv2d(grey.expand({1, 3, 20, 20}), weight);
  const torch::Tensor sum = fold_stem(weight, StemFold::kSum);
  EXPECT_THAT(sum.sizes().vec(), ElementsAre(64, 1, 7, 7));
  EXPECT_TRUE(torch::allclose(torch::conv2d(grey, sum), expected, 1e-4, 1e-4));
  EXPECT_TRUE(torch::allclose(3 * fold_stem(weight, StemFold::kMean), sum, 1e-5, 1e-6));
  EXPECT_THROW(fold_stem(sum, StemFold::kSum), std::invalid_argument);
  EXPECT_EQ(stem_fold_of("mean"), StemFold::kMean);
  EXPECT_THROW(stem_fold_of("max"), std::invalid_argument);
}

TEST(FeaturePyramid, LevelsHaveTheMapsSizesAndOneMoreHalfTheLast) {
  FeaturePyramidOptions options;
  options.in_channels = {8, 16, 32};
  options.channels = 12;
  options.out_channels = 6;
  FeaturePyramid pyramid(options);
  const auto levels = pyramid->forward(
      {torch::randn({2, 8, 19, 17}), torch::randn({2, 16, 10, 9}), torch::randn({2, 32, 5, 5})});
  ASSERT_EQ(levels.size(), 4U);
  EXPECT_EQ(pyramid->channels(), 6);
  EXPECT_THAT(levels[0].sizes().vec(), ElementsAre(2, 6, 19, 17));
  EXPECT_THAT(levels[2].sizes().vec(), ElementsAre(2, 6, 5, 5));
  EXPECT_THAT(levels[3].sizes().vec(), ElementsAre(2, 6, 3, 3));
  using torch::indexing::Slice;
  EXPECT_TRUE(
      torch::equal(levels[3], levels[2].index({Slice(), Slice(), Slice(0, 5, 2), Slice(0, 5, 2)})));
  EXPECT_THAT(pyramid->named_parameters().keys(),
              testing::IsSupersetOf({"inner_blocks.0.0.bias", "layer_blocks.2.0.weight"}));
}

TEST(FeaturePyramid, WithNormalisationItsConvolutionsHaveNoBias) {
  FeaturePyramidOptions options;
  options.in_channels = {8, 16};
  options.channels = 4;
  options.normalization = "batch";
  const auto keys = FeaturePyramid(options)->named_parameters().keys();
  EXPECT_THAT(keys, testing::Contains("inner_blocks.1.1.weight"));
  EXPECT_THAT(keys, testing::Not(testing::Contains("inner_blocks.1.0.bias")));
}

TEST(FeaturePyramid, WrongMapsAndOptionsAreRefused) {
  EXPECT_THROW(FeaturePyramid(FeaturePyramidOptions{}), std::invalid_argument);
  FeaturePyramidOptions options;
  options.in_channels = {4, 0};
  EXPECT_THROW(FeaturePyramid{options}, std::invalid_argument);
  options.in_channels = {4, 8};
  FeaturePyramid pyramid(options);
  EXPECT_THROW(pyramid->forward({torch::zeros({1, 4, 8, 8})}), std::invalid_argument);
}

TEST(FrozenBatchNorm, EqualsItsFormulaInBothDirectionsTypesAndLayouts) {
  torch::manual_seed(0);
  FrozenBatchNorm2d layer(FrozenBatchNorm2dOptions{5, 1e-3});
  {
    torch::NoGradGuard no_grad;
    for (auto& buffer : layer->buffers()) buffer.uniform_(0.5, 1.5);
  }
  const auto buffers = layer->named_buffers();
  const auto of = [&](const char* key) { return buffers[key].view({1, 5, 1, 1}); };
  const torch::Tensor scale = of("weight") / (of("running_var") + 1e-3).sqrt();
  for (const auto type : {torch::kFloat, torch::kBFloat16})
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      torch::Tensor x = torch::randn({2, 5, 3, 4}).to(type).contiguous(format);
      x.requires_grad_();
      const torch::Tensor y = layer->forward(x);
      const torch::Tensor weights = torch::randn_like(x);
      (y * weights).sum().backward();
      const double tolerance = type == torch::kFloat ? 1e-6 : 0.02;
      EXPECT_EQ(y.scalar_type(), type);
      EXPECT_TRUE(y.is_contiguous(format));
      EXPECT_TRUE(torch::allclose(y.to(torch::kFloat),
                                  (x.to(torch::kFloat) - of("running_mean")) * scale + of("bias"),
                                  tolerance, tolerance));
      EXPECT_TRUE(torch::allclose(x.grad().to(torch::kFloat), weights.to(torch::kFloat) * scale,
                                  tolerance, tolerance));
    }
  EXPECT_TRUE(layer->parameters().empty());
  EXPECT_THROW(layer->set_eps(-1), std::invalid_argument);
  EXPECT_THROW(FrozenBatchNorm2d(FrozenBatchNorm2dOptions{0}), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
