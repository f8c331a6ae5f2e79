#include "models/mask_rcnn/train_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

#include "models/backbones/backbones.h"
#include "models/backbones/feature_pyramid.h"
#include "models/init.h"

namespace medsweep::models {
namespace {

// A detector's skeleton, with torchvision's keys.
struct Skeleton : torch::nn::Module {
  std::shared_ptr<Backbone> body;
  Skeleton() {
    BackboneOptions options;
    options.attention["c4"].name = "se";
    body = make_backbone("resnet18", options);
    initialize(*body, "kaiming_fan_out", 0);
    FeaturePyramidOptions pyramid;
    pyramid.in_channels = body->channels();
    pyramid.normalization = "batch";
    const auto backbone = register_module("backbone", std::make_shared<torch::nn::Module>());
    backbone->register_module("body", body);
    backbone->register_module("fpn", FeaturePyramid(pyramid));
    register_module("rpn", torch::nn::Conv2d(torch::nn::Conv2dOptions(256, 3, 1)));
    register_module("roi_heads", torch::nn::Linear(256, 4));
  }
};

std::set<std::string> parts_trained(const torch::nn::Module& module) {
  std::set<std::string> parts;
  for (const auto& parameter : module.named_parameters()) {
    if (!parameter.value().requires_grad()) continue;
    std::string key = parameter.key();
    for (const std::string prefix : {"backbone.", "body."})
      if (key.starts_with(prefix)) key = key.substr(prefix.size());
    parts.insert(key.substr(0, key.find('.')));
  }
  return parts;
}

using testing::ElementsAre;

TEST(LayerGroup, IsThatOfTheFirstPartOfAKeyThatSaysIt) {
  EXPECT_EQ(layer_group_of("backbone.body.conv1.weight"), LayerGroup::kStem);
  EXPECT_EQ(layer_group_of("backbone.body.features.3.0.weight"), LayerGroup::kStem);
  EXPECT_EQ(layer_group_of("backbone.body.bn1"), LayerGroup::kStem);
  EXPECT_EQ(layer_group_of("backbone.body.layer1.0.conv1.weight"), LayerGroup::kResnet2);
  EXPECT_EQ(layer_group_of("tasks.lv.backbone.body.layer2.0.bn1.bias"), LayerGroup::kResnet3);
  EXPECT_EQ(layer_group_of("layer3.0.downsample.0.weight"), LayerGroup::kResnet4);
  EXPECT_EQ(layer_group_of("backbone.body.layer4.2.bn3"), LayerGroup::kResnet5);
  EXPECT_EQ(layer_group_of("backbone.fpn.layer_blocks.0.0.weight"), LayerGroup::kPyramid);
  EXPECT_EQ(layer_group_of("backbone.fpn.attention.0.fc1.weight"), LayerGroup::kPyramid);
  EXPECT_EQ(layer_group_of("rpn.head.conv.0.0.weight"), LayerGroup::kRpn);
  EXPECT_EQ(layer_group_of("roi_heads.mask_head.0.0.weight"), LayerGroup::kHeads);
  EXPECT_EQ(layer_group_of("backbone.body.attention.c4.fc1.weight"), LayerGroup::kHeads);
  EXPECT_EQ(layer_group_of("enhancement.blocks.0.convolution.weight"), LayerGroup::kHeads);
  EXPECT_EQ(layer_group_of("layer10.weight"), LayerGroup::kHeads);
  EXPECT_EQ(layer_group_of(""), LayerGroup::kHeads);
}

TEST(TrainLayers, NameWhatIsTrainedAndSwitchBackOn) {
  Skeleton detector;
  std::int64_t total = 0;
  for (const auto& parameter : detector.parameters()) total += parameter.numel();
  const std::vector<std::pair<std::string, std::set<std::string>>> expected{
      {"heads", {"attention", "fpn", "roi_heads", "rpn"}},
      {"resnet5+", {"attention", "fpn", "layer4", "roi_heads", "rpn"}},
      {"rpn", {"fpn", "rpn"}},
      {"resnet4+", {"attention", "fpn", "layer3", "layer4", "roi_heads", "rpn"}},
      {"resnet3+", {"attention", "fpn", "layer2", "layer3", "layer4", "roi_heads", "rpn"}},
      {"all",
       {"attention", "bn1", "conv1", "fpn", "layer1", "layer2", "layer3", "layer4", "roi_heads",
        "rpn"}},
  };
  EXPECT_EQ(expected.size(), train_layers_rows().size());
  for (const auto& [name, parts] : expected) {
    const TrainableCounts counts = set_train_layers(detector, name);
    EXPECT_EQ(parts_trained(detector), parts) << name;
    EXPECT_EQ(counts.trainable + counts.frozen, total);
    EXPECT_EQ(counts.trainable, trainable_counts(detector).trainable);
    EXPECT_EQ(counts.frozen == 0, name == "all");
  }
}

TEST(TrainLayers, FrozenNormalisationKeepsItsStatisticsAlsoAfterTrain) {
  torch::manual_seed(0);
  Skeleton detector;
  const torch::Tensor images = torch::randn({2, 3, 64, 64});
  const auto statistics = [&](const char* key) { return detector.named_buffers()[key].clone(); };
  const char* const frozen = "backbone.body.layer1.0.bn1.running_mean";
  const char* const trained = "backbone.body.layer4.0.bn1.running_mean";
  set_train_layers(detector, "resnet5+");
  detector.train();
  torch::Tensor before = statistics(frozen);
  const torch::Tensor before_trained = statistics(trained);
  const torch::Tensor c2 = detector.body->forward(images)[0];
  EXPECT_TRUE(torch::equal(statistics(frozen), before));
  EXPECT_FALSE(torch::equal(statistics(trained), before_trained));
  detector.eval();
  EXPECT_TRUE(torch::equal(detector.body->forward(images)[0], c2)) << "evaluation's features";

  set_train_layers(detector, "all");
  detector.train();
  detector.body->forward(images);
  EXPECT_FALSE(torch::equal(statistics(frozen), before)) << "trained again";
}

TEST(TrainLayers, FrozenLayersGetNoGradient) {
  Skeleton detector;
  set_train_layers(detector, "resnet5+");
  torch::Tensor sum = torch::zeros({});
  for (const torch::Tensor& map : detector.body->forward(torch::randn({2, 3, 64, 64})))
    sum = sum + map.square().sum();
  sum.backward();
  for (const auto& parameter : detector.body->named_parameters())
    EXPECT_EQ(parameter.value().grad().defined(), parameter.value().requires_grad())
        << parameter.key();
}

TEST(TrainLayers, UnknownNamesAndNamesOfNothingAreRefused) {
  Skeleton detector;
  EXPECT_THROW(set_train_layers(detector, "4+"), std::invalid_argument);
  EXPECT_THROW(set_train_layers(*make_backbone("resnet18", {}), "rpn"), std::invalid_argument);
  EXPECT_THROW(set_trainable_backbone_layers(detector, 6), std::invalid_argument);
  EXPECT_THROW(set_trainable_backbone_layers(detector, -1), std::invalid_argument);
}

TEST(TrainableBackboneLayers, AreTheLastOfTheBackbone) {
  Skeleton detector;
  set_trainable_backbone_layers(detector, 3);
  EXPECT_THAT(parts_trained(detector),
              ElementsAre("attention", "fpn", "layer2", "layer3", "layer4", "roi_heads", "rpn"));
  set_trainable_backbone_layers(detector, 4);
  EXPECT_THAT(parts_trained(detector), testing::Not(testing::Contains("conv1")));
  EXPECT_THAT(parts_trained(detector), testing::Contains("layer1"));
  set_trainable_backbone_layers(detector, 5);
  EXPECT_THAT(parts_trained(detector), testing::IsSupersetOf({"conv1", "bn1"}));
  set_trainable_backbone_layers(detector, 0);
  EXPECT_THAT(parts_trained(detector), ElementsAre("attention", "fpn", "roi_heads", "rpn"));
}

// 44,401,393 parameters of maskrcnn_resnet50_fpn less 222,400 of its frozen layers 44,178,993:
// conv1 and layer1 without normalisation.
TEST(TrainableBackboneLayers, OfAResNet50FreezeAsManyParametersAsTorchvision) {
  BackboneOptions options;
  options.normalization = "frozen_batch";
  const auto body = make_backbone("resnet50", options);
  EXPECT_EQ(set_trainable_backbone_layers(*body, 3).frozen, 44401393 - 44178993);
}

}  // namespace
}  // namespace medsweep::models
