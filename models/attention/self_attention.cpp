#include "models/attention/self_attention.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "models/attention/feature_maps.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kInnerReduction = 8;

torch::nn::AnyModule pointwise(const AttentionOptions& options, std::int64_t out) {
  return make_map_convolution({options.dimensions, options.channels, out});
}

// The tables' rows by (from, to) along an axis of `length` pixels: [length, length, D].
torch::Tensor relative_rows(const torch::Tensor& table, std::int64_t length, std::int64_t clip) {
  const torch::Tensor at = torch::arange(length, table.options().dtype(torch::kLong));
  const torch::Tensor offset = (at.unsqueeze(0) - at.unsqueeze(1)).clamp(-clip, clip) + clip;
  return table.index_select(0, offset.flatten()).view({length, length, table.size(1)});
}

}  // namespace

SelfAttention::SelfAttention(const AttentionOptions& options) : options_(options) {
  const std::int64_t channels = options.channels;
  if (channels < kInnerReduction)
    throw std::invalid_argument(
        fmt::format("[attention.self_attention] {} channels; at least {} are allowed", channels,
                    kInnerReduction));
  query_ = pointwise(options, channels / kInnerReduction);
  key_ = pointwise(options, channels / kInnerReduction);
  value_ = pointwise(options, channels);
  register_module("query", query_.ptr());
  register_module("key", key_.ptr());
  register_module("value", value_.ptr());
}

torch::Tensor SelfAttention::forward(const torch::Tensor& features) {
  check_features("self_attention", features, options_);
  const auto type = arithmetic_type(features);
  Attended input{positions_of(query_.forward(features), 1).to(type),
                 positions_of(key_.forward(features), 1).to(type),
                 positions_of(value_.forward(features), 1)};
  input.query = input.query / std::sqrt(static_cast<double>(options_.channels));
  return features + map_of(attend(input), features, 1).to(features.scalar_type());
}

RelativeSelfAttention::RelativeSelfAttention(const AttentionOptions& options) : options_(options) {
  const std::int64_t channels = options.channels, heads = options.heads;
  const std::int64_t inner = channels / kInnerReduction;
  if (inner < 1 || heads < 1 || inner % heads != 0 || channels % heads != 0 ||
      options.clip_distance < 1)
    throw std::invalid_argument(
        fmt::format("[attention.relative_self_attention] {} channels, {} heads, clip distance {}; "
                    "at least {} channels, heads that divide them and their eighth, and a distance "
                    "of at least 1 are allowed",
                    channels, heads, options.clip_distance, kInnerReduction));
  query_ = pointwise(options, inner);
  key_ = pointwise(options, inner);
  value_ = pointwise(options, channels);
  register_module("query", query_.ptr());
  register_module("key", key_.ptr());
  register_module("value", value_.ptr());
  const std::vector<std::int64_t> table{2 * options.clip_distance + 1, inner / heads};
  relative_height_ = register_parameter("relative_height", torch::zeros(table));
  relative_width_ = register_parameter("relative_width", torch::zeros(table));
  if (options.dimensions == 3)
    relative_depth_ = register_parameter("relative_depth", torch::zeros(table));
}

void RelativeSelfAttention::add_relative_logits(const torch::Tensor& features,
                                                Attended& input) const {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const bool flat = options_.dimensions == 2;
  const std::int64_t depth = flat ? 1 : features.size(2), height = features.size(-2),
                     width = features.size(-1), clip = options_.clip_distance;
  const std::int64_t count = input.query.size(0), area = depth * height * width;
  const torch::Tensor queries =
      input.query.view({count, depth, height, width, input.query.size(2)});
  const torch::Tensor down =
      torch::einsum("bzyxd,yjd->bzyxj", {queries, relative_rows(relative_height_, height, clip)});
  const torch::Tensor across =
      torch::einsum("bzyxd,xjd->bzyxj", {queries, relative_rows(relative_width_, width, clip)});
  input.columns = across.reshape({count, area, width});
  if (flat) {
    input.rows = down.reshape({count, area, height});
    return;
  }
  const torch::Tensor deep =
      torch::einsum("bzyxd,zjd->bzyxj", {queries, relative_rows(relative_depth_, depth, clip)});
  input.rows = (deep.unsqueeze(5) + down.unsqueeze(4)).reshape({count, area, depth * height});
}

torch::Tensor RelativeSelfAttention::forward(const torch::Tensor& features) {
  check_features("relative_self_attention", features, options_);
  const auto type = arithmetic_type(features);
  const std::int64_t heads = options_.heads;
  Attended input{positions_of(query_.forward(features), heads).to(type),
                 positions_of(key_.forward(features), heads).to(type),
                 positions_of(value_.forward(features), heads)};
  input.query = input.query / std::sqrt(static_cast<double>(options_.channels / heads));
  add_relative_logits(features, input);
  return features + map_of(attend(input), features, heads).to(features.scalar_type());
}

}  // namespace medsweep::models
