#pragma once

#include <memory>

#include "models/segmentation/atrous_pyramid.h"
#include "models/segmentation/dilated_network.h"

namespace medsweep::models {

/// An atrous pyramid on C5 of a dilated backbone, then a 3x3 convolution of 256 channels with
/// normalisation and ReLU, and a 1x1 convolution.
/// Chen et al., 2017 (arXiv 1706.05587), as torchvision has it: 42,004,074 parameters (resnet50) or
/// 60,996,202 (resnet101) with 21 channels of logits and the auxiliary head.
class DeepLabV3 : public DilatedNetwork {
 public:
  static NetworkShape shape(const NetworkOptions& options);
  explicit DeepLabV3(const NetworkOptions& options);
};

/// A backbone whose last stage is dilated (C5 is a 16th of the image), an atrous pyramid of rates
/// 6, 12, 18 on C5, enlarged to C2 and joined with 48 channels of it; two 3x3 convolutions of 256
/// channels and a 1x1 convolution, enlarged to the image. Any size of image.
/// Chen, Zhu, Papandreou, Schroff, Adam: Encoder-Decoder with Atrous Separable Convolution, ECCV
/// 2018 (arXiv 1802.02611), with plain convolutions.
///
/// Keys: backbone.*, aspp.* (see AtrousPyramid), low_level.0.weight, low_level.1.*,
/// decoder.0.weight, decoder.1.*, decoder.3.weight, decoder.4.*, head.*; attention.*. Attention
/// stands behind C1...C5 (encoder1...encoder4, bottleneck), on C2 on its way to the decoder (skip2)
/// and behind the decoder (decoder2).
class DeepLabV3Plus : public SegmentationNetwork {
 public:
  static NetworkShape shape(const NetworkOptions& options);
  explicit DeepLabV3Plus(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override;
  std::int64_t size_multiple() const override { return 1; }

 private:
  std::shared_ptr<Backbone> backbone_;
  AtrousPyramid aspp_{nullptr};
  torch::nn::Sequential low_level_, decoder_;
  AttentionSlots attention_{nullptr};
  torch::nn::Conv2d head_{nullptr};
};

}  // namespace medsweep::models
