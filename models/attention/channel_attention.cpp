#include "models/attention/channel_attention.h"

#include <algorithm>
#include <bit>

#include "models/attention/feature_maps.h"

namespace medsweep::models {
namespace {

// floor((log2(C) + 1) / 2), made odd upwards. floor(log2) does, as halves do not reach a whole.
std::int64_t channel_kernel(std::int64_t channels) {
  const std::int64_t width = std::bit_width(static_cast<std::uint64_t>(channels)) / 2;
  return width % 2 == 1 ? width : width + 1;
}

}  // namespace

SqueezeExcitation::SqueezeExcitation(const AttentionOptions& options) : options_(options) {
  const std::int64_t inner = std::max<std::int64_t>(1, options.channels / options.reduction);
  fc1_ = register_module("fc1", torch::nn::Linear(options.channels, inner));
  fc2_ = register_module("fc2", torch::nn::Linear(inner, options.channels));
}

torch::Tensor SqueezeExcitation::forward(const torch::Tensor& features) {
  check_features("se", features, options_);
  const torch::Tensor inner = fc1_->forward(features.mean(spatial_axes(features))).relu_();
  const torch::Tensor gate = torch::sigmoid(fc2_->forward(inner));  // [N, C]
  return features * channel_gate(gate, features);
}

EfficientChannelAttention::EfficientChannelAttention(const AttentionOptions& options)
    : options_(options) {
  const std::int64_t size = channel_kernel(options.channels);
  convolution_ = register_module(
      "convolution",
      torch::nn::Conv1d(torch::nn::Conv1dOptions(1, 1, size).padding(size / 2).bias(false)));
}

torch::Tensor EfficientChannelAttention::forward(const torch::Tensor& features) {
  check_features("eca", features, options_);
  const torch::Tensor means = features.mean(spatial_axes(features)).unsqueeze(1);  // [N, 1, C]
  const torch::Tensor gate = torch::sigmoid(convolution_->forward(means));         // [N, 1, C]
  return features * channel_gate(gate.squeeze(1), features);
}

}  // namespace medsweep::models
