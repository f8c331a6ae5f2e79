#pragma once

#include <memory>
#include <vector>

#include "models/segmentation/attention_slots.h"
#include "models/segmentation/dilated_network.h"

namespace medsweep::models {

/// A U-Net whose encoder is a backbone: five steps of nearest enlargement to the map above,
/// concatenation with it (the enlarged one first; none at the full size) and two 3x3 convolutions
/// with normalisation and ReLU, of 256, 128, 64, 32 and 16 channels (16 times a power of two:
/// `width`); a 3x3 convolution at the end. Any size of image.
/// Ronneberger et al., MICCAI 2015 (arXiv 1505.04597) on He et al., CVPR 2016 (arXiv 1512.03385),
/// with the decoder of Yakubovskiy's segmentation_models_pytorch: 24,436,369 parameters (resnet34)
/// or 32,521,105 (resnet50) with 3 channels in and 1 out.
///
/// Keys as there: encoder.*, decoder.blocks.0.conv1.0.weight, .1.*, .conv2.* ... (deepest first),
/// segmentation_head.0.*; attention.*. Levels of attention: encoder1...encoder4 and bottleneck are
/// C1...C5, skip1...skip4, decoder4...decoder0.
class UNetResNet : public SegmentationNetwork {
 public:
  static NetworkShape shape(const NetworkOptions& options);
  explicit UNetResNet(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override;
  std::int64_t size_multiple() const override { return 1; }

 private:
  void add_block(std::int64_t in_channels, std::int64_t out_channels,
                 const NetworkOptions& options);

  std::shared_ptr<Backbone> encoder_;
  torch::nn::ModuleList blocks_;
  std::vector<torch::nn::Sequential> convolutions_;  ///< two a block, deepest first
  AttentionSlots attention_{nullptr};
  torch::nn::Conv2d head_{nullptr};
};

}  // namespace medsweep::models
