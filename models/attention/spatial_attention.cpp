#include "models/attention/spatial_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/attention/feature_maps.h"

namespace medsweep::models {
namespace {

torch::nn::AnyModule gate_convolution(std::string_view name, const AttentionOptions& options) {
  const std::int64_t size = options.kernel_size;
  if (size < 1 || size % 2 == 0)
    throw std::invalid_argument(
        fmt::format("[attention.{}] kernel size {}; odd ones are allowed", name, size));
  return make_map_convolution({options.dimensions, 2, 1, size, MapConvolutionOptions::Bias::kNo});
}

torch::Tensor channel_mean(const torch::Tensor& features) { return features.mean(1, true); }

torch::Tensor channel_maximum(const torch::Tensor& features) { return features.amax(1, true); }

}  // namespace

SpatialAttention::SpatialAttention(const AttentionOptions& options)
    : options_(options), convolution_(gate_convolution("spatial", options)) {
  register_module("convolution", convolution_.ptr());
}

torch::Tensor SpatialAttention::forward(const torch::Tensor& features) {
  check_features("spatial", features, options_);
  const torch::Tensor both = torch::cat({channel_mean(features), channel_maximum(features)}, 1);
  return features * torch::sigmoid(convolution_.forward(both)).to(features.scalar_type());
}

Cbam::Cbam(const AttentionOptions& options) : options_(options) {
  const std::int64_t inner = std::max<std::int64_t>(1, options.channels / options.reduction);
  fc1_ = register_module("fc1", torch::nn::Linear(options.channels, inner));
  fc2_ = register_module("fc2", torch::nn::Linear(inner, options.channels));
  convolution_ = gate_convolution("cbam", options);
  register_module("convolution", convolution_.ptr());
  BatchNorm2dOptions normalization{1, options.batch_statistics};
  normalization.momentum = 0.01;
  normalization_ = torch::nn::AnyModule(BatchNorm2d(normalization));
  register_module("normalization", normalization_.ptr());
}

torch::Tensor Cbam::forward(const torch::Tensor& features) {
  check_features("cbam", features, options_);
  const auto mlp = [this](const torch::Tensor& pooled) {
    return fc2_->forward(fc1_->forward(pooled).relu_());
  };
  const auto axes = spatial_axes(features);
  const torch::Tensor by_channel =
      torch::sigmoid(mlp(features.mean(axes)) + mlp(features.amax(axes)));
  const torch::Tensor weighed = features * channel_gate(by_channel, features);
  const torch::Tensor both = torch::cat({channel_maximum(weighed), channel_mean(weighed)}, 1);
  const torch::Tensor gate =
      torch::sigmoid(normalize_maps(normalization_, convolution_.forward(both)));  // [N, 1, ...]
  return weighed * gate.to(features.scalar_type());
}

ConcurrentSqueezeExcitation::ConcurrentSqueezeExcitation(const AttentionOptions& options)
    : options_(options) {
  channel_ = register_module("channel", std::make_shared<SqueezeExcitation>(options));
  spatial_ = make_map_convolution({options.dimensions, options.channels, 1});
  register_module("spatial", spatial_.ptr());
}

torch::Tensor ConcurrentSqueezeExcitation::forward(const torch::Tensor& features) {
  check_features("scse", features, options_);
  const torch::Tensor by_channel = channel_->forward(features);
  const torch::Tensor by_position =
      features * torch::sigmoid(spatial_.forward(features)).to(features.scalar_type());
  return options_.join == GateJoin::kMax ? torch::maximum(by_channel, by_position)
                                         : by_channel + by_position;
}

}  // namespace medsweep::models
