#pragma once

#include <torch/nn.h>

#include <optional>
#include <string>
#include <vector>

#include "models/attention/attention.h"
#include "models/layers/batch_norm.h"

namespace medsweep::models {

struct FeaturePyramidOptions {
  std::vector<std::int64_t> in_channels;  ///< of the maps that come in, the largest map first
  std::int64_t channels = 256;            ///< of the maps on their way down
  std::int64_t out_channels = 0;          ///< of the maps that go out; 0: as `channels`
  std::string normalization = "none";     ///< after each convolution: a row of normalization_rows()
  BatchStatistics batch_statistics = BatchStatistics::kSynchronized;
  std::optional<PlacedAttention> attention{};  ///< on each map that goes out but the last
};

/// Maps of one width at all scales, each knowing of the coarser ones: a 1x1 convolution of each
/// incoming map, plus the next coarser sum enlarged to the map's size (nearest), then a 3x3
/// convolution. Below the coarsest, one more map is every second pixel of it.
/// Lin et al.: Feature Pyramid Networks for Object Detection, CVPR 2017 (arXiv 1612.03144).
///
/// torchvision's keys: inner_blocks.i.0.*, layer_blocks.i.0.*, with a normalisation also .i.1.*
/// (then the convolutions have no bias); attention.i.*.
class FeaturePyramidImpl : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument without maps or for fewer than one channel.
  explicit FeaturePyramidImpl(const FeaturePyramidOptions& options);
  /// n maps [N, in_channels[i], H_i, W_i], the largest first -> n + 1 maps
  /// [N, out_channels, H_i, W_i], the last [N, out_channels, ceil(H_n / 2), ceil(W_n / 2)].
  /// Throws std::invalid_argument for another number of maps.
  std::vector<torch::Tensor> forward(const std::vector<torch::Tensor>& maps);
  std::int64_t channels() const { return out_channels_; }

 private:
  std::int64_t out_channels_;
  torch::nn::ModuleList inner_blocks_, layer_blocks_;
  std::vector<torch::nn::Sequential> inner_, layer_;
  std::vector<std::shared_ptr<Attention>> attention_;  ///< one per incoming map, or empty
};
TORCH_MODULE(FeaturePyramid);

}  // namespace medsweep::models
