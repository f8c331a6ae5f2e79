#pragma once

#include <vector>

#include "models/layers/batch_norm.h"
#include "models/layers/convolution3d.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// x + convolution(ReLU(norm(convolution(ReLU(norm(x)))))), 3x3x3, as many channels out as in.
/// Keys: first_norm, first, second_norm, second.
class VoxResImpl : public torch::nn::Module {
 public:
  VoxResImpl(std::int64_t channels, BatchStatistics statistics);
  torch::Tensor forward(const torch::Tensor& volumes);

 private:
  BatchNorm2d first_norm_{nullptr}, second_norm_{nullptr};
  Convolution3d first_{nullptr}, second_{nullptr};
};
TORCH_MODULE(VoxRes);

/// A residual network whose features of four depths (full size, half, quarter, eighth) are each
/// enlarged and classified; what it says is their sum, and training supervises each by itself, too.
/// Chen et al.: VoxResNet, NeuroImage 2018 (arXiv 1608.05895). `width` 32: 32 channels at full
/// size, 64 below. The paper does not say how the features are enlarged; here by a transposed
/// convolution to `width` channels whose kernel is its stride, and at full size by a 3x3x3
/// convolution. Losses of each depth's own logits, "depth0_dice" ..., weigh `auxiliary_weights`,
/// 1/3 each unless given. Sides are multiples of 8.
///
/// Keys: stem1, stem_norm, stem2, down1...down3, down_norm1...down_norm3, block1_1 ... block3_2,
/// enlarge0...enlarge3, classify0...classify3; attention.* (its encoder levels: the depths).
class VoxResNet : public SegmentationNetwork {
 public:
  explicit VoxResNet(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes) override {
    return forward_all(volumes).front();
  }
  std::vector<torch::Tensor> forward_all(const torch::Tensor& volumes) override;
  std::vector<AuxiliaryHead> auxiliary_heads() const override;
  std::int64_t size_multiple() const override { return shape(options_).size_multiple; }
  /// Throws std::invalid_argument unless there are four weights of at least 0.
  static NetworkShape shape(const NetworkOptions& options);

 private:
  std::vector<torch::Tensor> taps(const torch::Tensor& volumes);

  NetworkOptions options_;
  Convolution3d stem1_{nullptr}, stem2_{nullptr};
  BatchNorm2d stem_norm_{nullptr};
  std::vector<Convolution3d> downs_, classifiers_;
  std::vector<BatchNorm2d> down_norms_;
  std::vector<VoxRes> blocks_;  ///< two at each of the three lower depths
  std::vector<torch::nn::AnyModule> enlargers_;
  AttentionSlots attention_{nullptr};
};

}  // namespace medsweep::models
