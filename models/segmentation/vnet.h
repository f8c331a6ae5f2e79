#pragma once

#include <vector>

#include "models/layers/convolution3d.h"
#include "models/layers/ordered_convolution.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// act(ordered convolutions(x) + residual): the 5x5x5 convolutions of a V-Net's stage, a PReLU with
/// a slope a channel behind the sum. [N, in, D, H, W] -> [N, out, D, H, W].
/// Keys: convolution0.*, convolution1.* ..., activation.weight.
class ResidualStage3dImpl : public torch::nn::Module {
 public:
  ResidualStage3dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t count,
                      const NetworkOptions& options);
  /// residual: [N, out, D, H, W].
  torch::Tensor forward(torch::Tensor features, const torch::Tensor& residual);

 private:
  std::vector<OrderedConvolution3d> convolutions_;
  torch::nn::PReLU activation_{nullptr};
};
TORCH_MODULE(ResidualStage3d);

/// The channels of `volumes` again and again until there are `count`: what is added to a stage's
/// convolutions where it begins with another number of channels. Of one channel it is the
/// replication of Milletari et al.
torch::Tensor repeat_channels(const torch::Tensor& volumes, std::int64_t count);

/// A V-Net in the attention zoo's form: stages of 1, 2, 3, 3 convolutions at half the widths 16,
/// 32, 64, 128, each before a 2x2x2 convolution with stride 2 that doubles them; one convolution at
/// the bottom; decoders of 3, 3, 2, 1 convolutions of the joined skip and enlarged features, to
/// which the enlarged ones are added. `width` 16: 6.89 M parameters. After Milletari et al.: V-Net,
/// 3DV 2016 (arXiv 1606.04797). Any number of input channels: see repeat_channels. Sides are
/// multiples of 16.
///
/// Keys: encoder0...encoder3, down0...down3, bottleneck, up3...up0, decoder3...decoder0 (by level,
/// 0 the full size), head; attention.* where there is some.
class VNet : public SegmentationNetwork {
 public:
  explicit VNet(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes) override;
  std::int64_t size_multiple() const override { return shape(options_).size_multiple; }
  static NetworkShape shape(const NetworkOptions& options);

 private:
  NetworkOptions options_;
  std::vector<ResidualStage3d> encoders_, decoders_;  ///< by level; the decoders, deepest first
  std::vector<OrderedConvolution3d> downs_;
  OrderedConvolution3d bottleneck_{nullptr};
  std::vector<torch::nn::ConvTranspose3d> ups_;  ///< deepest first
  AttentionSlots attention_{nullptr};
  Convolution3d head_{nullptr};
};

}  // namespace medsweep::models
