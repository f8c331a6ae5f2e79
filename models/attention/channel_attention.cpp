#include "models/attention/channel_attention.h"

#include <algorithm>
#include <bit>

namespace medsweep::models {
namespace {

// floor((log2(C) + 1) / 2), made odd upwards. floor(log2) does, as halves do not reach a whole.
std::int64_t channel_kernel(std::int64_t channels) {
  const std::int64_t width = std::bit_width(static_cast<std::uint64_t>(channels)) / 2;
  return width % 2 == 1 ? width : width + 1;
}

}  // namespace

SqueezeExcitation::SqueezeExcitation(const AttentionOptions& options)
    : channels_(options.channels) {
  const std::int64_t inner = std::max<std::int64_t>(1, channels_ / options.reduction);
  fc1_ = register_module("fc1", torch::nn::Linear(channels_, inner));
  fc2_ = register_module("fc2", torch::nn::Linear(inner, channels_));
}

torch::Tensor SqueezeExcitation::forward(const torch::Tensor& features) {
  check_features("attention.se", features, channels_);
  const torch::Tensor inner = fc1_->forward(features.mean({2, 3})).relu_();
  const torch::Tensor gate = torch::sigmoid(fc2_->forward(inner));  // [N, C]
  return features * gate.view({-1, channels_, 1, 1}).to(features.scalar_type());
}

EfficientChannelAttention::EfficientChannelAttention(const AttentionOptions& options)
    : channels_(options.channels) {
  const std::int64_t size = channel_kernel(channels_);
  convolution_ = register_module(
      "convolution",
      torch::nn::Conv1d(torch::nn::Conv1dOptions(1, 1, size).padding(size / 2).bias(false)));
}

torch::Tensor EfficientChannelAttention::forward(const torch::Tensor& features) {
  check_features("attention.eca", features, channels_);
  const torch::Tensor means = features.mean({2, 3}).unsqueeze(1);           // [N, 1, C]
  const torch::Tensor gate = torch::sigmoid(convolution_->forward(means));  // [N, 1, C]
  return features * gate.view({-1, channels_, 1, 1}).to(features.scalar_type());
}

}  // namespace medsweep::models
