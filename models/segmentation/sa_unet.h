#pragma once

#include <vector>

#include "models/attention/attention.h"
#include "models/layers/drop_block.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// ReLU(normalisation(DropBlock(3x3 convolution(x)))), with a bias; batch normalisation with
/// eps 1e-3 and momentum 0.01. [N, in, H, W] -> [N, out, H, W].
/// Keys: convolution.*, normalization.*.
class DropBlockConvolutionImpl : public torch::nn::Module {
 public:
  DropBlockConvolutionImpl(std::int64_t in_channels, std::int64_t out_channels,
                           const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  torch::nn::Conv2d convolution_{nullptr};
  DropBlock drop_{nullptr};
  torch::nn::AnyModule normalization_;
};
TORCH_MODULE(DropBlockConvolution);

/// A small U-Net for retinal vessels: DropBlock after every 3x3 convolution, and at the deepest
/// level spatial attention between the two. Width 16, depth 4: 16, 32, 64, 128 channels; 537,299
/// parameters with 3 input channels and 1 output channel, 98 of them the attention's.
/// Guo et al.: SA-UNet, ICPR 2020 (arXiv 2004.03696). The transposed 3x3 convolutions with stride 2
/// are placed as Keras places them ("same": cut at the bottom and right).
///
/// Keys: encoder0_1, encoder0_2 ... (by level, 0 the full size), spatial.convolution.weight,
/// up2...up0, decoder2_1 ... decoder0_2, head; further attention attention.*.
class SaUNet : public SegmentationNetwork {
 public:
  explicit SaUNet(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override { return outputs(images).logits; }
  NetworkOutputs outputs(const torch::Tensor& images) override;
  std::int64_t feature_channels() const override { return options_.width; }
  std::int64_t size_multiple() const override { return std::int64_t{1} << (options_.depth - 1); }

 private:
  NetworkOptions options_;
  std::vector<DropBlockConvolution> encoders_, decoders_;  ///< two a level; decoders deepest first
  std::shared_ptr<Attention> spatial_;
  std::vector<torch::nn::ConvTranspose2d> ups_;  ///< deepest first
  AttentionSlots attention_{nullptr};
  torch::nn::Conv2d head_{nullptr};
};

}  // namespace medsweep::models
