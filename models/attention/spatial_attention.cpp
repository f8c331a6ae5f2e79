#include "models/attention/spatial_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace medsweep::models {
namespace {

torch::nn::Conv2d gate_convolution(std::string_view where, std::int64_t size) {
  if (size < 1 || size % 2 == 0)
    throw std::invalid_argument(
        fmt::format("[{}] kernel size {}; odd ones are allowed", where, size));
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(2, 1, size).padding(size / 2).bias(false));
}

torch::Tensor channel_mean(const torch::Tensor& features) { return features.mean(1, true); }

torch::Tensor channel_maximum(const torch::Tensor& features) { return features.amax(1, true); }

}  // namespace

SpatialAttention::SpatialAttention(const AttentionOptions& options) : channels_(options.channels) {
  convolution_ =
      register_module("convolution", gate_convolution("attention.spatial", options.kernel_size));
}

torch::Tensor SpatialAttention::forward(const torch::Tensor& features) {
  check_features("attention.spatial", features, channels_);
  const torch::Tensor both = torch::cat({channel_mean(features), channel_maximum(features)}, 1);
  return features * torch::sigmoid(convolution_->forward(both)).to(features.scalar_type());
}

Cbam::Cbam(const AttentionOptions& options) : channels_(options.channels) {
  const std::int64_t inner = std::max<std::int64_t>(1, channels_ / options.reduction);
  fc1_ = register_module("fc1", torch::nn::Linear(channels_, inner));
  fc2_ = register_module("fc2", torch::nn::Linear(inner, channels_));
  convolution_ =
      register_module("convolution", gate_convolution("attention.cbam", options.kernel_size));
  BatchNorm2dOptions normalization{1, options.batch_statistics};
  normalization.momentum = 0.01;
  normalization_ = register_module("normalization", BatchNorm2d(normalization));
}

torch::Tensor Cbam::forward(const torch::Tensor& features) {
  check_features("attention.cbam", features, channels_);
  const auto mlp = [this](const torch::Tensor& pooled) {
    return fc2_->forward(fc1_->forward(pooled).relu_());
  };
  const torch::Tensor channel_gate =
      torch::sigmoid(mlp(features.mean({2, 3})) + mlp(features.amax({2, 3})));
  const torch::Tensor weighed =
      features * channel_gate.view({-1, channels_, 1, 1}).to(features.scalar_type());
  const torch::Tensor both = torch::cat({channel_maximum(weighed), channel_mean(weighed)}, 1);
  const torch::Tensor gate =
      torch::sigmoid(normalization_->forward(convolution_->forward(both)));  // [N, 1, H, W]
  return weighed * gate.to(features.scalar_type());
}

ConcurrentSqueezeExcitation::ConcurrentSqueezeExcitation(const AttentionOptions& options)
    : channels_(options.channels), join_(options.join) {
  channel_ = register_module("channel", std::make_shared<SqueezeExcitation>(options));
  spatial_ =
      register_module("spatial", torch::nn::Conv2d(torch::nn::Conv2dOptions(channels_, 1, 1)));
}

torch::Tensor ConcurrentSqueezeExcitation::forward(const torch::Tensor& features) {
  check_features("attention.scse", features, channels_);
  const torch::Tensor by_channel = channel_->forward(features);
  const torch::Tensor by_position =
      features * torch::sigmoid(spatial_->forward(features)).to(features.scalar_type());
  return join_ == GateJoin::kMax ? torch::maximum(by_channel, by_position)
                                 : by_channel + by_position;
}

}  // namespace medsweep::models
