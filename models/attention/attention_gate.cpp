#include "models/attention/attention_gate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "models/attention/feature_maps.h"
#include "models/layers/normalization.h"

namespace medsweep::models {
namespace {

// `map` enlarged linearly to the sides of `like`; itself where it has them.
torch::Tensor enlarged(const torch::Tensor& map, const torch::Tensor& like) {
  const auto sides = like.sizes().slice(2);
  if (map.sizes().slice(2) == sides) return map;
  if (map.dim() == 4) return torch::upsample_bilinear2d(map, sides, false);
  return torch::upsample_trilinear3d(map, sides, false);
}

}  // namespace

AttentionGateImpl::AttentionGateImpl(const AttentionGateOptions& options) : options_(options) {
  if (options.channels < 1 || options.gating_channels < 1 || options.inner_channels < 0)
    throw std::invalid_argument(
        fmt::format("[attention.attention_gate] {} channels, {} gating, {} inner; at least 1 is "
                    "allowed",
                    options.channels, options.gating_channels, options.inner_channels));
  if (options_.inner_channels == 0)
    options_.inner_channels = std::max<std::int64_t>(1, options.channels / 2);
  const std::int64_t dimensions = options.dimensions, inner = options_.inner_channels;
  theta_ = make_map_convolution(
      {dimensions, options.channels, inner, 2, MapConvolutionOptions::Bias::kNo});
  phi_ = make_map_convolution({dimensions, options.gating_channels, inner});
  psi_ = make_map_convolution({dimensions, inner, 1});
  output_ = make_map_convolution({dimensions, options.channels, options.channels});
  normalization_ =
      make_normalization(options.normalization, {options.channels, options.statistics});
  register_module("theta", theta_.ptr());
  register_module("phi", phi_.ptr());
  register_module("psi", psi_.ptr());
  register_module("output", output_.ptr());
  register_module("normalization", normalization_.ptr());
}

void AttentionGateImpl::check(const torch::Tensor& skip, const torch::Tensor& gating) const {
  const auto fits = [this](const torch::Tensor& map, std::int64_t channels, std::int64_t least) {
    return map.dim() == options_.dimensions + 2 && map.size(1) == channels &&
           std::ranges::min(map.sizes().slice(2)) >= least;
  };
  if (fits(skip, options_.channels, 2) && fits(gating, options_.gating_channels, 1) &&
      skip.size(0) == gating.size(0))
    return;
  throw std::invalid_argument(fmt::format(
      "[attention.attention_gate] a skip of {} and coarser features of {}; N x {} and N x {} with "
      "{} sides, the skip's of at least 2, are allowed",
      fmt::join(skip.sizes(), "x"), fmt::join(gating.sizes(), "x"), options_.channels,
      options_.gating_channels, options_.dimensions));
}

torch::Tensor AttentionGateImpl::forward(const torch::Tensor& skip, const torch::Tensor& gating) {
  check(skip, gating);
  const torch::Tensor seen = theta_.forward(skip);
  const torch::Tensor inner = torch::relu(seen + enlarged(phi_.forward(gating), seen));
  const torch::Tensor gate = enlarged(torch::sigmoid(psi_.forward(inner)), skip);
  const torch::Tensor weighed = skip * gate.to(skip.scalar_type());
  return normalize_maps(normalization_, output_.forward(weighed)).to(skip.scalar_type());
}

}  // namespace medsweep::models
