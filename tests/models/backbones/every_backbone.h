#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <array>
#include <sstream>
#include <string>
#include <vector>

#include "models/backbones/backbones.h"
#include "models/init.h"

namespace medsweep::models::every_backbone {

/// Of ResNeSts: a bias before a batch normalisation, of which a batch of two leaves exactly
/// nothing.
inline constexpr const char* kIdleBias = "conv2.fc1.bias";

/// One of each family, or all others.
inline std::vector<std::string> backbone_names(bool others) {
  constexpr std::array<std::string_view, 5> kFamilies{"resnet18", "resnest50", "vgg16_bn",
                                                      "densenet121", "efficientnet_b0"};
  std::vector<std::string> names;
  for (const Row& row : backbone_rows())
    if ((std::find(kFamilies.begin(), kFamilies.end(), row.name) == kFamilies.end()) == others)
      names.emplace_back(row.name);
  return names;
}

inline void save_and_load(torch::nn::Module& from, torch::nn::Module& to) {
  std::stringstream file;
  torch::serialize::OutputArchive saved;
  from.save(saved);
  saved.save_to(file);
  torch::serialize::InputArchive archive;
  archive.load_from(file);
  to.load(archive);
}

class EveryBackbone : public testing::TestWithParam<std::string> {};

TEST_P(EveryBackbone, GivesMapsOfItsChannelsAndReachesEveryParameterWithAGradient) {
  BackboneOptions options;
  options.in_channels = 1;
  const auto backbone = make_backbone(GetParam(), options);
  initialize(*backbone, "kaiming_fan_out", 3);
  torch::manual_seed(0);
  const auto maps = backbone->forward(torch::randn({2, 1, 70, 64}));

  ASSERT_EQ(maps.size(), 4U);
  const std::vector<std::pair<std::int64_t, std::int64_t>> sizes{{18, 16}, {9, 8}, {5, 4}, {3, 2}};
  torch::Tensor sum = torch::zeros({});
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_THAT(maps[i].sizes().vec(),
                testing::ElementsAre(2, backbone->channels()[i], sizes[i].first, sizes[i].second));
    sum = sum + (maps[i] * torch::randn_like(maps[i])).sum();
  }
  sum.backward();
  for (const auto& parameter : backbone->named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    if (parameter.key().ends_with(kIdleBias)) continue;
    EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  }
}

TEST_P(EveryBackbone, SavedAndLoadedGivesEqualMaps) {
  const auto backbone = make_backbone(GetParam(), {}), other = make_backbone(GetParam(), {});
  initialize(*backbone, "kaiming_fan_out", 3);
  const torch::Tensor images = torch::randn({2, 3, 64, 64});
  backbone->forward(images);  // moves the running statistics
  save_and_load(*backbone, *other);
  backbone->eval();
  other->eval();
  const auto expected = backbone->forward(images), got = other->forward(images);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(torch::equal(got[i], expected[i]));
}

TEST_P(EveryBackbone, FrozenNormalisationHasNoParametersAndNoModes) {
  BackboneOptions options;
  options.normalization = "frozen_batch";
  const auto backbone = make_backbone(GetParam(), options);
  initialize(*backbone, "kaiming_fan_out", 3);
  for (const auto& parameter : backbone->named_parameters()) {
    if (!parameter.key().ends_with(".weight")) continue;
    EXPECT_GT(parameter.value().dim(), 1) << parameter.key();  // a kernel
  }
  if (GetParam().starts_with("res")) {
    EXPECT_THAT(backbone->named_buffers().keys(),
                testing::Contains(testing::StartsWith("layer4.0.downsample.")));
  }
  if (GetParam().starts_with("resnet")) {
    EXPECT_THAT(backbone->named_parameters().keys(),
                testing::Each(testing::Not(testing::HasSubstr("bn"))));
  }
  const torch::Tensor images = torch::randn({1, 3, 64, 64});
  const auto trained = backbone->forward(images);
  backbone->eval();
  EXPECT_TRUE(torch::equal(trained[3], backbone->forward(images)[3]));
}

}  // namespace medsweep::models::every_backbone
