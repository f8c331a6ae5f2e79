#pragma once

#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// The U-Net that a DRIVE vessel study was made with: like the usual one, but with biases before
/// the normalisation, one convolution only at the deepest level (1024 channels), which is led back
/// to 512 before the first transposed convolution, and a second decoder convolution that already
/// has the width of the level above. The decoder puts the upsampled features before the skip.
/// 23,381,121 parameters with 3 input channels, 1 output channel and width 64.
///
/// Keys as there: enc1_1.0.weight (convolution), enc1_1.1.weight (normalisation) ... enc5_1,
/// dec5_1, unpool4, dec4_2, dec4_1 ... dec1_1, dec1_0; attention.* where there is some. Depth is 5;
/// `width` scales all channels.
class RetinaUNet : public SegmentationNetwork {
 public:
  /// Throws std::invalid_argument for a depth other than 5.
  explicit RetinaUNet(const NetworkOptions& options);
  static NetworkShape shape(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override { return outputs(images).logits; }
  NetworkOutputs outputs(const torch::Tensor& images) override;
  std::int64_t feature_channels() const override { return options_.width; }
  std::int64_t size_multiple() const override { return 16; }

 private:
  torch::nn::Sequential add_block(const std::string& key, std::int64_t in_channels,
                                  std::int64_t out_channels);

  NetworkOptions options_;
  std::vector<torch::nn::Sequential> encoders_;      ///< two a level, one at the deepest
  torch::nn::Sequential bridge_{nullptr};            ///< dec5_1
  std::vector<torch::nn::ConvTranspose2d> unpools_;  ///< deepest first
  std::vector<torch::nn::Sequential> decoders_;      ///< two a level, deepest first
  AttentionSlots attention_{nullptr};
  torch::nn::Conv2d head_{nullptr};  ///< dec1_0
};

}  // namespace medsweep::models
