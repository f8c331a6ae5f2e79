#include "models/layers/convolution3d.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "models/precision.h"

namespace medsweep::models {
namespace {

torch::nn::Conv3dOptions five_slices() { return torch::nn::Conv3dOptions(16, 16, 5).padding(2); }

TEST(Convolution3d, OfFewerSlicesThanItsKernelStaysInSinglePrecision) {
  torch::manual_seed(0);
  Convolution3d layer(five_slices());
  const AutocastGuard autocast(Precision::kBf16, torch::kCPU);
  EXPECT_EQ(layer->forward(torch::randn({1, 16, 4, 8, 8})).scalar_type(), torch::kFloat);
  EXPECT_EQ(layer->forward(torch::randn({1, 16, 5, 8, 8})).scalar_type(), torch::kBFloat16);
  EXPECT_EQ(layer->forward(torch::randn({1, 16, 4, 8, 8}).to(torch::kBFloat16)).scalar_type(),
            torch::kFloat);
}

/// Memory that was filled with what is no number comes back to the next tensors.
TEST(Convolution3d, ReadsNoMemoryThatNobodyWrote) {
  torch::manual_seed(0);
  Convolution3d layer(five_slices());
  const torch::Tensor volumes = torch::randn({1, 16, 4, 8, 8});
  torch::Tensor first;
  for (int round = 0; round < 6; ++round) {
    {
      std::vector<torch::Tensor> spoiled;
      for (std::int64_t count = 16; count < 1 << 18; count *= 2)
        for (int copy = 0; copy < 3; ++copy) spoiled.push_back(torch::full({count}, std::nan("")));
    }
    layer->zero_grad();
    torch::Tensor sum;
    {
      const AutocastGuard autocast(Precision::kBf16, torch::kCPU);
      sum = layer->forward(volumes).to(torch::kFloat).sum();
    }
    sum.backward();
    if (round == 0) first = layer->weight.grad().clone();
    EXPECT_TRUE(torch::equal(layer->weight.grad(), first)) << round;
  }
}

TEST(Convolution3d, IsTorchsInItsKeysAndNumbers) {
  torch::manual_seed(0);
  Convolution3d layer(five_slices());
  torch::nn::Conv3d torchs(five_slices());
  const torch::NoGradGuard no_grad;
  torchs->weight.copy_(layer->weight);
  torchs->bias.copy_(layer->bias);
  EXPECT_EQ(layer->named_parameters().keys(), torchs->named_parameters().keys());
  const torch::Tensor volumes = torch::randn({1, 16, 4, 8, 8});
  EXPECT_TRUE(torch::equal(layer->forward(volumes), torchs->forward(volumes)));
}

/// Smaller than what torch gives to oneDNN.
TEST(Convolution3d, OfASmallSingleVolumeHasTheGradientsOfDoublePrecision) {
  torch::manual_seed(0);
  for (const bool has_bias : {true, false}) {
    const auto options =
        torch::nn::Conv3dOptions(6, 8, 3).padding(1).stride(has_bias ? 1 : 2).bias(has_bias);
    Convolution3d layer(options);
    torch::nn::Conv3d exact(options);
    exact->to(torch::kDouble);
    {
      const torch::NoGradGuard no_grad;
      exact->weight.copy_(layer->weight);
      if (has_bias) exact->bias.copy_(layer->bias);
    }
    for (const auto format : {at::MemoryFormat::ChannelsLast3d, at::MemoryFormat::Contiguous}) {
      layer->zero_grad();
      exact->zero_grad();
      const torch::Tensor volumes =
          torch::randn({1, 6, 5, 7, 6}).contiguous(format).set_requires_grad(true);
      const torch::Tensor same = volumes.detach().to(torch::kDouble).set_requires_grad(true);
      const torch::Tensor output = layer->forward(volumes), expected = exact->forward(same);
      EXPECT_TRUE(output.is_contiguous(format));
      const torch::Tensor incoming = torch::randn(output.sizes());
      output.backward(incoming);
      expected.backward(incoming.to(torch::kDouble));
      const auto equal = [](const torch::Tensor& own, const torch::Tensor& other) {
        return torch::allclose(own.to(torch::kDouble), other, 1e-4, 1e-4);
      };
      EXPECT_TRUE(equal(output, expected));
      EXPECT_TRUE(equal(volumes.grad(), same.grad()));
      EXPECT_TRUE(equal(layer->weight.grad(), exact->weight.grad()));
      EXPECT_TRUE(!has_bias || equal(layer->bias.grad(), exact->bias.grad()));
    }
  }
}

}  // namespace
}  // namespace medsweep::models
