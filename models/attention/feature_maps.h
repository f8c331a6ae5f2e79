#pragma once

#include <torch/nn.h>

#include <string_view>
#include <vector>

#include "models/attention/attention.h"

namespace medsweep::models {

/// Throws std::invalid_argument "[attention.<name>] ..." unless `features` is
/// [N, channels, H, W], in three dimensions [N, channels, D, H, W], with sides of at least 1.
void check_features(std::string_view name, const torch::Tensor& features,
                    const AttentionOptions& options);

/// The axes behind N and C.
std::vector<std::int64_t> spatial_axes(const torch::Tensor& features);

/// D H W of a map.
std::int64_t count_positions(const torch::Tensor& features);

/// In what logits, means and gates of `features` are computed: float64 for float64, else float32.
at::ScalarType arithmetic_type(const torch::Tensor& features);

/// [N, C, D, H, W] -> [N heads, D H W, C / heads].
torch::Tensor positions_of(const torch::Tensor& map, std::int64_t heads);

/// The inverse, in the shape of `like`.
torch::Tensor map_of(const torch::Tensor& at_positions, const torch::Tensor& like,
                     std::int64_t heads);

/// A gate per sample and channel, [N, C] -> [N, C, 1, 1] or [N, C, 1, 1, 1], in the type of
/// `features`.
torch::Tensor channel_gate(const torch::Tensor& gate, const torch::Tensor& features);

struct MapConvolutionOptions {
  std::int64_t dimensions;
  std::int64_t in_channels, out_channels;
  std::int64_t kernel_size = 1;  ///< odd: H and W are kept; even: the stride, without padding
  enum class Bias { kYes, kNo } bias = Bias::kYes;
  std::int64_t groups = 1;
};

/// A Conv2d or Conv3d.
torch::nn::AnyModule make_map_convolution(const MapConvolutionOptions& options);

/// What a normalisation of [N, C, H, W] makes of maps of two or three dimensions: it does not ask
/// which of a channel's values are neighbours.
torch::Tensor normalize_maps(torch::nn::AnyModule& normalization, const torch::Tensor& maps);

}  // namespace medsweep::models
