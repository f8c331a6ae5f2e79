#include "models/attention/feature_maps.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "models/layers/convolution3d.h"

namespace medsweep::models {

void check_features(std::string_view name, const torch::Tensor& features,
                    const AttentionOptions& options) {
  const bool fits = features.dim() == options.dimensions + 2 &&
                    features.size(1) == options.channels &&
                    std::ranges::min(features.sizes().slice(2)) >= 1;
  if (!fits)
    throw std::invalid_argument(
        fmt::format("[attention.{}] features of {}; N x {} x {} with sides of at least 1 are "
                    "allowed",
                    name, fmt::join(features.sizes(), "x"), options.channels,
                    options.dimensions == 2 ? "H x W" : "D x H x W"));
}

std::vector<std::int64_t> spatial_axes(const torch::Tensor& features) {
  std::vector<std::int64_t> axes(static_cast<std::size_t>(features.dim() - 2));
  std::iota(axes.begin(), axes.end(), 2);
  return axes;
}

std::int64_t count_positions(const torch::Tensor& features) {
  const auto sides = features.sizes().slice(2);
  return std::accumulate(sides.begin(), sides.end(), std::int64_t{1}, std::multiplies<>());
}

at::ScalarType arithmetic_type(const torch::Tensor& features) {
  return features.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
}

torch::Tensor positions_of(const torch::Tensor& map, std::int64_t heads) {
  const std::int64_t count = map.size(0), channels = map.size(1), area = count_positions(map);
  return map.movedim(1, -1)
      .reshape({count, area, heads, channels / heads})
      .transpose(1, 2)
      .reshape({count * heads, area, channels / heads});
}

torch::Tensor map_of(const torch::Tensor& at_positions, const torch::Tensor& like,
                     std::int64_t heads) {
  const std::int64_t count = like.size(0), channels = like.size(1);
  std::vector<std::int64_t> shape{count};
  for (const std::int64_t side : like.sizes().slice(2)) shape.push_back(side);
  shape.push_back(channels);
  return at_positions.view({count, heads, count_positions(like), channels / heads})
      .transpose(1, 2)
      .reshape(shape)
      .movedim(-1, 1);
}

torch::Tensor channel_gate(const torch::Tensor& gate, const torch::Tensor& features) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(features.dim()), 1);
  shape[0] = features.size(0);
  shape[1] = features.size(1);
  return gate.view(shape).to(features.scalar_type());
}

torch::nn::AnyModule make_map_convolution(const MapConvolutionOptions& options) {
  const std::int64_t size = options.kernel_size, stride = size % 2 == 0 ? size : 1;
  const std::int64_t padding = size % 2 == 0 ? 0 : size / 2;
  const bool bias = options.bias == MapConvolutionOptions::Bias::kYes;
  if (options.dimensions == 2)
    return torch::nn::AnyModule(
        torch::nn::Conv2d(torch::nn::Conv2dOptions(options.in_channels, options.out_channels, size)
                              .stride(stride)
                              .padding(padding)
                              .groups(options.groups)
                              .bias(bias)));
  return torch::nn::AnyModule(
      Convolution3d(torch::nn::Conv3dOptions(options.in_channels, options.out_channels, size)
                        .stride(stride)
                        .padding(padding)
                        .groups(options.groups)
                        .bias(bias)));
}

torch::Tensor normalize_maps(torch::nn::AnyModule& normalization, const torch::Tensor& maps) {
  if (maps.dim() == 4) return normalization.forward(maps);
  return normalization.forward(maps.flatten(2, 3)).view(maps.sizes());
}

}  // namespace medsweep::models
