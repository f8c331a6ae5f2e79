#pragma once

#include <vector>

#include "models/layers/batch_norm.h"
#include "models/layers/convolution3d.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// PReLU(batch normalisation(convolution)) of volumes, a slope a channel, no bias.
/// Keys: convolution.weight, normalization.*, activation.weight.
class ConvNormPrelu3dImpl : public torch::nn::Module {
 public:
  /// convolution: a Conv3d or ConvTranspose3d with `channels` maps.
  ConvNormPrelu3dImpl(torch::nn::AnyModule convolution, std::int64_t channels,
                      const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes);

 private:
  torch::nn::AnyModule convolution_;
  BatchNorm2d normalization_{nullptr};
  torch::nn::PReLU activation_{nullptr};
};
TORCH_MODULE(ConvNormPrelu3d);

/// PReLU(convolutions(x) + x), 5x5x5 each. Keys: convolution0 ..., activation.weight.
class VNetStageImpl : public torch::nn::Module {
 public:
  VNetStageImpl(std::int64_t channels, std::int64_t count, const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes);

 private:
  std::vector<ConvNormPrelu3d> convolutions_;
  torch::nn::PReLU activation_{nullptr};
};
TORCH_MODULE(VNetStage);

/// The V-Net of Milletari et al., 3DV 2016 (arXiv 1606.04797): `width` 16 to 256 channels on five
/// levels of residual stages with 1, 2, 3, 3, 3 convolutions on the way down (`down_convolutions`:
/// of those behind a halving) and 3, 3, 2, 1 on the way up, at each of which skip and enlarged
/// features stay joined. Batch normalisation, which the paper lacks, is where its successors have
/// it; the input's channels are repeated for the first sum. 65.2 M parameters. Sides are multiples
/// of 16.
///
/// Keys: input.*, input_normalization.*, input_activation.weight, down1...down4,
/// encoder1...encoder4, up3...up0, decoder3...decoder0 (by level, 0 the full size), head;
/// attention.*.
class VNetOriginal : public SegmentationNetwork {
 public:
  /// Throws std::invalid_argument unless there are four numbers down and four up, each at least 1.
  explicit VNetOriginal(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes) override;
  std::int64_t size_multiple() const override { return shape(options_).size_multiple; }
  static NetworkShape shape(const NetworkOptions& options);

 private:
  torch::Tensor first_stage(const torch::Tensor& volumes);

  NetworkOptions options_;
  Convolution3d input_{nullptr}, head_{nullptr};
  BatchNorm2d input_normalization_{nullptr};
  torch::nn::PReLU input_activation_{nullptr};
  std::vector<ConvNormPrelu3d> downs_, ups_;    ///< ups deepest first
  std::vector<VNetStage> encoders_, decoders_;  ///< encoders from level 1; decoders deepest first
  AttentionSlots attention_{nullptr};
};

}  // namespace medsweep::models
