#pragma once

#include <vector>

#include "models/layers/conv_norm_act.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// What the second of two convolutions is.
enum class SecondConvolution {
  kPlain,  ///< a ConvNormAct
  kSplit,  ///< a SplitAttention with the options of the network's attention
};

/// Two ConvNormAct of one width. Keys: first.*, second.*.
class DoubleConvolutionImpl : public torch::nn::Module {
 public:
  DoubleConvolutionImpl(std::int64_t in_channels, std::int64_t out_channels,
                        const NetworkOptions& options,
                        SecondConvolution second = SecondConvolution::kPlain);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  ConvNormAct first_{nullptr};
  torch::nn::AnyModule second_;
};
TORCH_MODULE(DoubleConvolution);

/// The usual 2-D U-Net: per level two 3x3 convolutions with normalisation and ReLU, 2x2 max
/// pooling down, 2x2 transposed convolution up, concatenation with the encoder's features (those
/// first), a 1x1 convolution at the end. Convolutions are padded: the output has the input's size.
/// Ronneberger, Fischer, Brox: U-Net, MICCAI 2015 (arXiv 1505.04597), with batch normalisation and
/// padding as later implementations have it. Width 64, depth 5: 64, 128, 256, 512, 1024 channels.
///
/// Keys: encoder0...encoder4, up3...up0, decoder3...decoder0 (by level, 0 the full size), head;
/// attention.* where there is some. Its blocks may be replaced.
class UNet : public SegmentationNetwork {
 public:
  /// Throws std::invalid_argument for fewer than one channel, or a depth outside 1...8.
  explicit UNet(const NetworkOptions& options);
  static NetworkShape shape(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override { return outputs(images).logits; }
  NetworkOutputs outputs(const torch::Tensor& images) override;
  std::int64_t feature_channels() const override { return options_.width; }
  std::int64_t size_multiple() const override { return std::int64_t{1} << (options_.depth - 1); }

 private:
  DoubleConvolution make_block(const std::string& place, std::int64_t in_channels,
                               std::int64_t out_channels) const;

  NetworkOptions options_;
  std::vector<DoubleConvolution> encoders_, decoders_;  ///< by level; the decoders, deepest first
  std::vector<torch::nn::ConvTranspose2d> ups_;         ///< deepest first
  AttentionSlots attention_{nullptr};
  torch::nn::Conv2d head_{nullptr};
};

}  // namespace medsweep::models
