#include "models/attention/self_attention.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "models/attention/blocked_attention.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kInnerReduction = 8;

torch::nn::Conv2d pointwise(std::int64_t in, std::int64_t out) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 1));
}

// [N, C, H, W] -> [N heads, H W, C / heads].
torch::Tensor positions_of(const torch::Tensor& map, std::int64_t heads) {
  const std::int64_t count = map.size(0), channels = map.size(1), area = map.size(2) * map.size(3);
  return map.permute({0, 2, 3, 1})
      .reshape({count, area, heads, channels / heads})
      .transpose(1, 2)
      .reshape({count * heads, area, channels / heads});
}

// The inverse, in the shape of `like`.
torch::Tensor map_of(const torch::Tensor& positions, const torch::Tensor& like,
                     std::int64_t heads) {
  const std::int64_t count = like.size(0), channels = like.size(1);
  return positions.view({count, heads, like.size(2) * like.size(3), channels / heads})
      .transpose(1, 2)
      .reshape({count, like.size(2), like.size(3), channels})
      .permute({0, 3, 1, 2});
}

at::ScalarType logit_type(const torch::Tensor& features) {
  return features.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
}

// The tables' rows by (from, to) along an axis of `length` pixels: [length, length, D].
torch::Tensor relative_rows(const torch::Tensor& table, std::int64_t length, std::int64_t clip) {
  const torch::Tensor at = torch::arange(length, table.options().dtype(torch::kLong));
  const torch::Tensor offset = (at.unsqueeze(0) - at.unsqueeze(1)).clamp(-clip, clip) + clip;
  return table.index_select(0, offset.flatten()).view({length, length, table.size(1)});
}

}  // namespace

SelfAttention::SelfAttention(const AttentionOptions& options) : channels_(options.channels) {
  if (channels_ < kInnerReduction)
    throw std::invalid_argument(
        fmt::format("[attention.self_attention] {} channels; at least {} are allowed", channels_,
                    kInnerReduction));
  query_ = register_module("query", pointwise(channels_, channels_ / kInnerReduction));
  key_ = register_module("key", pointwise(channels_, channels_ / kInnerReduction));
  value_ = register_module("value", pointwise(channels_, channels_));
}

torch::Tensor SelfAttention::forward(const torch::Tensor& features) {
  check_features("attention.self_attention", features, channels_);
  const auto type = logit_type(features);
  Attended input{positions_of(query_->forward(features), 1).to(type),
                 positions_of(key_->forward(features), 1).to(type),
                 positions_of(value_->forward(features), 1)};
  input.query = input.query / std::sqrt(static_cast<double>(channels_));
  return features + map_of(attend(input), features, 1).to(features.scalar_type());
}

RelativeSelfAttention::RelativeSelfAttention(const AttentionOptions& options)
    : channels_(options.channels), heads_(options.heads), clip_distance_(options.clip_distance) {
  const std::int64_t inner = channels_ / kInnerReduction;
  if (inner < 1 || heads_ < 1 || inner % heads_ != 0 || channels_ % heads_ != 0 ||
      clip_distance_ < 1)
    throw std::invalid_argument(
        fmt::format("[attention.relative_self_attention] {} channels, {} heads, clip distance {}; "
                    "at least {} channels, heads that divide them and their eighth, and a distance "
                    "of at least 1 are allowed",
                    channels_, heads_, clip_distance_, kInnerReduction));
  query_ = register_module("query", pointwise(channels_, inner));
  key_ = register_module("key", pointwise(channels_, inner));
  value_ = register_module("value", pointwise(channels_, channels_));
  const std::vector<std::int64_t> table{2 * clip_distance_ + 1, inner / heads_};
  relative_height_ = register_parameter("relative_height", torch::zeros(table));
  relative_width_ = register_parameter("relative_width", torch::zeros(table));
}

torch::Tensor RelativeSelfAttention::forward(const torch::Tensor& features) {
  check_features("attention.relative_self_attention", features, channels_);
  const auto type = logit_type(features);
  const std::int64_t height = features.size(2), width = features.size(3);
  Attended input{positions_of(query_->forward(features), heads_).to(type),
                 positions_of(key_->forward(features), heads_).to(type),
                 positions_of(value_->forward(features), heads_)};
  input.query = input.query / std::sqrt(static_cast<double>(channels_ / heads_));
  const std::int64_t count = input.query.size(0), inner = input.query.size(2);
  {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const torch::Tensor queries = input.query.view({count, height, width, inner});
    const torch::Tensor down = relative_rows(relative_height_, height, clip_distance_);
    const torch::Tensor across = relative_rows(relative_width_, width, clip_distance_);
    input.rows =
        torch::einsum("byxd,yjd->byxj", {queries, down}).reshape({count, height * width, height});
    input.columns =
        torch::einsum("byxd,xjd->byxj", {queries, across}).reshape({count, height * width, width});
  }
  return features + map_of(attend(input), features, heads_).to(features.scalar_type());
}

}  // namespace medsweep::models
