#include "models/segmentation/torchscript.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>

#include "models/segmentation/networks.h"
#include "models/segmentation/segmentation_model.h"
#include "tests/models/golden_numbers.h"

namespace medsweep::models {
namespace {

NetworkOptions scripted(const std::string& file = golden::path_of("torchscript.pt")) {
  NetworkOptions options;
  options.in_channels = 2;
  options.out_channels = 3;
  options.file = file;
  return options;
}

SegmentationModelOptions scripted_model() {
  SegmentationModelOptions options;
  options.network = kTorchScript;
  options.network_options = scripted();
  options.classes = 2;
  options.activation = Activation::kSoftmax;
  options.losses = {{.name = "cross_entropy"}};
  return options;
}

datasets::Batch scripted_batch() {
  datasets::Batch batch;
  batch.images = golden::uniform(golden::kImages, {2, 2, 16, 32});
  const torch::Tensor labels = golden::integers(golden::kLabels, {2, 16, 32}, 3);
  for (std::int64_t i = 0; i < 2; ++i) {
    batch.sizes.push_back({16, 32});
    batch.targets.push_back({{datasets::kSegmentation, {labels[i]}}});
    batch.samples.emplace_back();
    batch.random_keys.push_back(0);
  }
  return batch;
}

nlohmann::json script_numbers() {
  std::ifstream file(golden::path_of("torchscript.json"));
  return nlohmann::json::parse(file);
}

TEST(TorchScript, KeysAreThoseOfThePythonNetwork) {
  const SegmentationModel model(scripted_model());
  std::vector<std::string> keys = model.named_parameters().keys();
  for (const std::string& key : model.named_buffers().keys()) keys.push_back(key);
  EXPECT_THAT(keys, testing::UnorderedElementsAreArray(
                        script_numbers()["keys"].get<std::vector<std::string>>()));
}

TEST(TorchScript, TrainsAndPredictsAsInPython) {
  const auto expected = script_numbers();
  for (const auto layout : {MemoryLayout::kChannelsLast, MemoryLayout::kContiguous}) {
    auto options = scripted_model();
    options.layout = layout;
    SegmentationModel model(options);
    torch::optim::SGD optimizer(model.parameters(), 0.1);
    for (const double value : expected["losses"].get<std::vector<double>>()) {
      const Loss loss = model.loss(scripted_batch()).at("cross_entropy");
      const torch::Tensor mean = loss.sum / loss.weight;
      EXPECT_NEAR(mean.item<double>(), value, 1e-5 * value);
      optimizer.zero_grad();
      mean.backward();
      optimizer.step();
    }
    model.eval();
    const Predictions predictions = model.predict(scripted_batch());
    const auto logits = torch::tensor(expected["logits"].get<std::vector<float>>());
    // The predictions are probabilities: a network of the same tensors is asked for its logits.
    const auto network = make_network(kTorchScript, scripted());
    {
      const torch::NoGradGuard no_gradient;
      const auto parameters = network->named_parameters();
      for (const auto& parameter : model.named_parameters())
        parameters[parameter.key()].copy_(parameter.value());
      const auto buffers = network->named_buffers();
      for (const auto& buffer : model.named_buffers()) buffers[buffer.key()].copy_(buffer.value());
      network->eval();
      const torch::Tensor got = network->forward(scripted_batch().images);
      EXPECT_TRUE(torch::allclose(got.flatten().slice(0, 0, got.numel(), 31), logits, 1e-4, 1e-5));
      EXPECT_TRUE(torch::allclose(torch::softmax(got, 1).narrow(1, 1, 2)[1],
                                  predictions[1].probabilities, 1e-5, 1e-6));
    }
  }
}

TEST(TorchScript, ModesReachTheScript) {
  SegmentationModel model(scripted_model());
  const torch::Tensor mean = model.named_buffers()["block.1.running_mean"];
  const torch::Tensor before = mean.clone();
  model.eval();
  model.predict(scripted_batch());
  EXPECT_TRUE(torch::equal(mean, before));
  model.train();
  model.loss(scripted_batch());
  EXPECT_FALSE(torch::equal(mean, before));
}

TEST(TorchScript, InBf16LossesStayCloseAndParametersFp32) {
  auto options = scripted_model();
  SegmentationModel exact(options);
  options.precision = Precision::kBf16;
  SegmentationModel rounded(options);
  const torch::Tensor sum = rounded.loss(scripted_batch()).at("cross_entropy").sum;
  const double value = exact.loss(scripted_batch()).at("cross_entropy").sum.item<double>();
  EXPECT_NEAR(sum.item<double>(), value, 0.02 * value);
  sum.backward();
  for (const auto& parameter : rounded.parameters())
    EXPECT_EQ(parameter.grad().scalar_type(), torch::kFloat);
}

TEST(TorchScript, WhatIsNoNetworkIsRefused) {
  EXPECT_THROW(make_network(kTorchScript, scripted("nowhere.pt")), std::invalid_argument);
  EXPECT_THROW(make_network(kTorchScript, scripted(golden::path_of("unet.json"))),
               std::invalid_argument);
  NetworkOptions options = scripted();
  options.size_multiple = 0;
  EXPECT_THROW(make_network(kTorchScript, options), std::invalid_argument);
  options = scripted();
  options.attention.name = "se";
  EXPECT_THROW(make_network(kTorchScript, options), std::invalid_argument);
  options = scripted();
  options.out_channels = 2;
  const auto network = make_network(kTorchScript, options);
  try {
    network->forward(torch::zeros({1, 2, 16, 16}));
    FAIL() << "logits of other channels were accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("gives 1x3x16x16 for images of 1x2x16x16; a "
                                                 "tensor of 1x2x16x16 is allowed"));
  }
}

}  // namespace
}  // namespace medsweep::models
