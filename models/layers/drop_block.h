#pragma once

#include <torch/nn.h>

#include "models/layers/random_layer.h"

namespace medsweep::models {

struct DropBlockOptions {
  double keep = 0.82;     ///< share of the features that stays, about; 1: all
  std::int64_t size = 7;  ///< side of a block in pixels
};

/// Sets square blocks of features to 0 while training and multiplies the others, so that a sample's
/// sum of scales stays; the identity in evaluation. Each channel has its own blocks. A block lies
/// wholly inside the map and begins at each position with probability
/// (1 - keep) / size^2 * H W / ((H - size + 1) (W - size + 1)).
/// Ghiasi, Lin, Le: DropBlock, NeurIPS 2018 (arXiv 1810.12890), a mask for each channel, as
/// SA-UNet's. There the scale is one for a batch; here it is one for each sample, so that a sample
/// means the same on any number of ranks.
///
/// [N, C, H, W] float32 or bfloat16, contiguous or channels-last -> the same. Only the blocks'
/// corners are kept for the backward pass. Throws std::invalid_argument for keep outside (0, 1],
/// size below 1, or in training a map that is smaller than a block.
class DropBlockImpl : public torch::nn::Module, public RandomLayer {
 public:
  explicit DropBlockImpl(const DropBlockOptions& options);
  torch::Tensor forward(const torch::Tensor& features);

 private:
  DropBlockOptions options_;
};
TORCH_MODULE(DropBlock);

}  // namespace medsweep::models
