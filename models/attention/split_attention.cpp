#include "models/attention/split_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/attention/feature_maps.h"
#include "models/layers/normalization.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kLeastInner = 32;

void check_split_options(const SplitAttentionOptions& options) {
  const std::int64_t groups = options.radix * options.cardinality;
  if (options.radix >= 1 && options.cardinality >= 1 && options.reduction >= 1 &&
      options.in_channels >= 1 && options.out_channels >= 1 && options.in_channels % groups == 0 &&
      options.out_channels % options.cardinality == 0)
    return;
  throw std::invalid_argument(fmt::format(
      "[attention.split] {} -> {} channels in {} groups of {} splits; channels that they divide, "
      "all at least 1, are allowed",
      options.in_channels, options.out_channels, options.cardinality, options.radix));
}

}  // namespace

SplitAttentionImpl::SplitAttentionImpl(const SplitAttentionOptions& options) : options_(options) {
  using Bias = MapConvolutionOptions::Bias;
  check_split_options(options);
  const std::int64_t all = options.out_channels * options.radix, groups = options.cardinality;
  std::int64_t inner =
      std::max(kLeastInner, options.in_channels * options.radix / options.reduction);
  inner = (inner + groups - 1) / groups * groups;
  const std::int64_t d = options.dimensions;
  conv_ = make_map_convolution({d, options.in_channels, all, 3, Bias::kNo, groups * options.radix});
  bn0_ = make_normalization(options.normalization, {all, options.statistics});
  fc1_ = make_map_convolution({d, options.out_channels, inner, 1, Bias::kYes, groups});
  bn1_ = make_normalization(options.normalization == "instance" ? "group" : options.normalization,
                            {inner, options.statistics});
  fc2_ = make_map_convolution({d, inner, all, 1, Bias::kYes, groups});
  register_module("conv", conv_.ptr());
  register_module("bn0", bn0_.ptr());
  register_module("fc1", fc1_.ptr());
  register_module("bn1", bn1_.ptr());
  register_module("fc2", fc2_.ptr());
}

torch::Tensor SplitAttentionImpl::weights_of(const torch::Tensor& splits) {
  const torch::Tensor sum = splits.sum(1);
  const torch::Tensor means = sum.mean(spatial_axes(sum), true);  // [N, C, 1, 1]
  const torch::Tensor hidden = normalize_maps(bn1_, fc1_.forward(means)).relu_();
  const std::int64_t count = splits.size(0), groups = options_.cardinality;
  const torch::Tensor logits =
      fc2_.forward(hidden).view({count, groups, options_.radix, options_.out_channels / groups});
  const torch::Tensor by_radix =
      logits.transpose(1, 2);  // [N, radix, cardinality, C / cardinality]
  const torch::Tensor weights =
      options_.radix == 1 ? torch::sigmoid(by_radix) : torch::softmax(by_radix, 1);
  return weights.reshape({count, options_.radix, options_.out_channels});
}

torch::Tensor SplitAttentionImpl::forward(const torch::Tensor& input) {
  const torch::Tensor features = normalize_maps(bn0_, conv_.forward(input)).relu_();
  const torch::Tensor splits = features.unflatten(1, {options_.radix, options_.out_channels});
  torch::Tensor weights = weights_of(splits);
  while (weights.dim() < splits.dim()) weights = weights.unsqueeze(-1);
  return (splits * weights.to(splits.scalar_type())).sum(1);
}

}  // namespace medsweep::models
