#include "models/attention/dual_attention.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/attention/blocked_attention.h"
#include "models/attention/feature_maps.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kQueryReduction = 8;

// softmax(X X^T) X of [N, P, C], by channels.
torch::Tensor channels_by_channels(const torch::Tensor& x) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const torch::Tensor weights = torch::softmax(torch::bmm(x.transpose(1, 2), x), -1);  // [N, C, C]
  return torch::bmm(x, weights.transpose(1, 2));
}

}  // namespace

DualAttention::DualAttention(const AttentionOptions& options) : options_(options) {
  const std::int64_t channels = options.channels, inner = channels / kQueryReduction;
  if (inner < 1)
    throw std::invalid_argument(fmt::format("[attention.dual] {} channels; at least {} are allowed",
                                            channels, kQueryReduction));
  query_ = make_map_convolution({options.dimensions, channels, inner});
  key_ = make_map_convolution({options.dimensions, channels, inner});
  value_ = make_map_convolution({options.dimensions, channels, channels});
  register_module("query", query_.ptr());
  register_module("key", key_.ptr());
  register_module("value", value_.ptr());
  position_scale_ = register_parameter("position_scale", torch::zeros(1));
  channel_scale_ = register_parameter("channel_scale", torch::zeros(1));
}

torch::Tensor DualAttention::forward(const torch::Tensor& features) {
  check_features("dual", features, options_);
  const auto type = arithmetic_type(features);
  const torch::Tensor by_position = attend({positions_of(query_.forward(features), 1).to(type),
                                            positions_of(key_.forward(features), 1).to(type),
                                            positions_of(value_.forward(features), 1)});
  const torch::Tensor by_channel = channels_by_channels(positions_of(features, 1).to(type));
  const torch::Tensor change = position_scale_ * by_position + channel_scale_ * by_channel;
  return features + map_of(change, features, 1).to(features.scalar_type());
}

}  // namespace medsweep::models
