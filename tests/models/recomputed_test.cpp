#include "models/layers/recomputed.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>
#include <ostream>
#include <string>

#include "models/activation_memory.h"
#include "models/init.h"
#include "models/precision.h"
#include "models/segmentation/networks.h"
#include "models/segmentation/segmentation_model.h"

namespace medsweep::models {
namespace {

struct RecomputedCase {
  const char* network;
  const char* order;  ///< of layers, for volumes
  Precision precision;
};

void PrintTo(const RecomputedCase& what, std::ostream* out) {
  *out << what.network << " " << what.order << " " << name_of(what.precision);
}

/// What a training step leaves: the loss, gradients and buffers by key.
std::map<std::string, torch::Tensor> step_of(const RecomputedCase& what, Activations activations) {
  NetworkOptions options;
  options.in_channels = 2;
  options.out_channels = 3;
  options.width = 4;
  options.depth = 3;
  options.widths = {4, 8};
  options.layer_order = what.order;
  options.activations = activations;
  const auto network = make_network(what.network, options);
  initialize(*network, "default", 3);
  torch::manual_seed(1);
  const torch::Tensor images = network_dimensions(what.network) == 3
                                   ? torch::randn({2, 2, 16, 32, 16})
                                   : torch::randn({2, 2, 32, 24});
  std::map<std::string, torch::Tensor> left;
  torch::Tensor loss;
  {
    const AutocastGuard autocast(what.precision, torch::kCPU);
    const torch::Tensor logits = network->forward(images).to(torch::kFloat);
    loss = (logits * torch::randn(logits.sizes())).sum();
  }
  loss.backward();
  left["loss"] = loss.detach();
  for (const auto& parameter : network->named_parameters())
    left[parameter.key()] = parameter->grad().clone();
  for (const auto& buffer : network->named_buffers()) left[buffer.key()] = buffer->clone();
  return left;
}

class Recomputed : public testing::TestWithParam<RecomputedCase> {};

TEST_P(Recomputed, GivesTheSameGradientsAndStatistics) {
  const auto kept = step_of(GetParam(), Activations::kKept);
  const auto again = step_of(GetParam(), Activations::kRecomputed);
  ASSERT_EQ(kept.size(), again.size());
  for (const auto& [key, value] : kept)
    EXPECT_TRUE(torch::allclose(again.at(key), value, 1e-5, 1e-6)) << key;
}

INSTANTIATE_TEST_SUITE_P(Networks, Recomputed,
                         testing::Values(RecomputedCase{"unet", "", Precision::kFp32},
                                         RecomputedCase{"unet", "", Precision::kBf16},
                                         RecomputedCase{"unet3d", "cpi", Precision::kFp32},
                                         RecomputedCase{"unet3d", "cbr", Precision::kFp32},
                                         RecomputedCase{"unet3d", "cpi", Precision::kBf16},
                                         RecomputedCase{"vnet", "cpi", Precision::kFp32},
                                         RecomputedCase{"vnet_original", "", Precision::kFp32}));

std::int64_t kept_bytes_of(Activations activations) {
  SegmentationModelOptions options;
  options.network = "unet3d";
  options.network_options.in_channels = 1;
  options.network_options.activations = activations;
  options.losses = {{.name = "dice_ce"}};
  options.activation = Activation::kSoftmax;
  SegmentationModel model(options);
  datasets::Batch batch;
  batch.images = torch::zeros({1, 1, 64, 64, 64});
  batch.sizes.push_back({64, 64, 64});
  batch.targets.push_back({{datasets::kSegmentation, {torch::zeros({64, 64, 64}, torch::kLong)}}});
  batch.samples.emplace_back();
  batch.random_keys.push_back(0);
  return kept_bytes([&] { return model.loss(batch); });
}

TEST(RecomputedMemory, IsAThirdAtMost) {
  EXPECT_LT(3 * kept_bytes_of(Activations::kRecomputed), kept_bytes_of(Activations::kKept));
}

TEST(RecomputedStage, WithoutAGradientIsTheStageItself) {
  const torch::NoGradGuard no_grad;
  int calls = 0;
  const Stage twice = [&calls](const torch::Tensor& x, const torch::Tensor&) {
    ++calls;
    return 2 * x;
  };
  const torch::Tensor result = run_stage(Activations::kRecomputed, twice, torch::ones({2}));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(result.sum().item<float>(), 4);
}

}  // namespace
}  // namespace medsweep::models
