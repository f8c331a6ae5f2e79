#include "models/attention/class_activation.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/layers/random_layer.h"
#include "models/segmentation/segmentation_model.h"

namespace medsweep::models {
namespace {

TEST(ClassActivation, AScoreIsTheMeanOfItsMapAndABias) {
  torch::manual_seed(0);
  ClassActivation cam(3, 2);
  const torch::Tensor features = torch::randn({2, 3, 4, 5});
  const ClassActivations said = cam->forward(features);
  const auto parameters = cam->named_parameters();
  const torch::Tensor pooled = features.mean({2, 3});
  EXPECT_TRUE(torch::allclose(
      said.scores, torch::linear(pooled, parameters["linear.weight"], parameters["linear.bias"]),
      1e-5, 1e-6));
  EXPECT_EQ(said.maps.sizes().vec(), (std::vector<std::int64_t>{2, 2, 4, 5}));
  EXPECT_THROW(ClassActivation(3, 0), std::invalid_argument);
}

SegmentationModelOptions cam_options() {
  SegmentationModelOptions options;
  options.network_options.in_channels = 1;
  options.network_options.width = 4;
  options.network_options.depth = 3;
  options.network_options.attention = {.name = "cam", .options = {.weight = 0.5}};
  options.classes = 2;
  options.activation = Activation::kSoftmax;
  options.losses = {{.name = "dice_ce"}};
  return options;
}

/// Two images: the first has class 1 in a bright half, the second nothing.
datasets::Batch two_images() {
  datasets::Batch batch;
  batch.images = torch::zeros({2, 1, 16, 16});
  for (std::int64_t i = 0; i < 2; ++i) {
    const torch::Tensor labels = torch::zeros({16, 16}, torch::kLong);
    if (i == 0) labels.slice(1, 0, 8).fill_(1);
    batch.images[i][0] = labels.to(torch::kFloat);
    batch.targets.push_back({{datasets::kSegmentation, {labels}}});
    batch.samples.emplace_back().name = "image";
    batch.sizes.push_back({16, 16});
    batch.random_keys.push_back(static_cast<std::uint64_t>(i));
  }
  return batch;
}

TEST(ClassActivation, IsTrainedBesideTheLabelMapAndSaysWhereItLooked) {
  SegmentationModel model(cam_options());
  const datasets::Batch batch = two_images();
  torch::optim::Adam optimizer(model.parameters(), torch::optim::AdamOptions(1e-2));
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    const Losses losses = model.loss(batch);
    ASSERT_TRUE(losses.contains("cam"));
    EXPECT_EQ(losses.at("cam").weight, 4) << "two images, two classes";
    torch::Tensor total = torch::zeros({});
    for (const auto& [name, part] : losses) total = total + part.sum / part.weight;
    optimizer.zero_grad();
    total.backward();
    EXPECT_GT(model.named_parameters()["cam.linear.weight"].grad().abs().sum().item<double>(), 0);
    optimizer.step();
    last = (losses.at("cam").sum / losses.at("cam").weight).item<double>();
    if (step == 0) first = last;
  }
  EXPECT_LT(last, first / 3);
  EXPECT_EQ(model.loss_weights(batch)->at("cam"), 4);
  model.eval();
  const auto maps = model.activations(batch);
  ASSERT_EQ(maps.size(), 2U);
  EXPECT_EQ(maps[0].sizes().vec(), (std::vector<std::int64_t>{2, 16, 16}));
  EXPECT_GT(maps[0][0].slice(1, 0, 8).mean().item<float>(),
            maps[0][0].slice(1, 8).mean().item<float>())
      << "the bright half tells that class 1 is there";
}

TEST(ClassActivation, OthersSayNothing) {
  SegmentationModelOptions options = cam_options();
  options.network_options.attention = {};
  SegmentationModel model(options);
  EXPECT_TRUE(model.activations(two_images()).empty());
  EXPECT_FALSE(model.loss_weights(two_images())->contains("cam"));
}

}  // namespace
}  // namespace medsweep::models
