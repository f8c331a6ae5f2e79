#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/backbones/backbones.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// A backbone's options as a network of label maps has them.
BackboneOptions backbone_options(const NetworkOptions& options, std::int64_t output_stride);

/// Levels 1...5 of the backbone: C1...C4, and C5 as the bottleneck; no skips, no decoder.
/// Throws std::invalid_argument for what the backbone refuses.
NetworkShape backbone_shape(const NetworkOptions& options, std::int64_t output_stride);

/// [N, C, h, w] -> enlarged bilinearly to the sides of `like`, as torch's with align_corners =
/// false.
torch::Tensor bilinear_like(const torch::Tensor& map, const torch::Tensor& like);

/// 3x3 convolution to a quarter of the channels, normalisation, ReLU, dropout, 1x1 convolution.
/// Keys: 0.weight, 1.*, 4.*.
torch::nn::Sequential fcn_head(std::int64_t in_channels, const NetworkOptions& options,
                               double dropout);

/// A backbone whose last two stages are dilated, so that C5 is an eighth of the image; a head makes
/// logits of C5 (`classifier`), an FCN head others of C4 for training (`aux_classifier`); both are
/// enlarged to the image. Any size of image.
///
/// torchvision's keys: backbone.*, classifier.*, aux_classifier.*; attention.*. Attention stands at
/// encoder1...encoder4 and the bottleneck: behind C1...C5, whatever their size.
class DilatedNetwork : public SegmentationNetwork {
 public:
  static NetworkShape shape(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override;
  std::vector<torch::Tensor> forward_all(const torch::Tensor& images) override;
  std::int64_t size_multiple() const override { return 1; }
  std::vector<AuxiliaryHead> auxiliary_heads() const override;

 protected:
  DilatedNetwork(const NetworkOptions& options, std::string_view backbone);
  /// To be called by the constructor, with the head and the dropout of the auxiliary one.
  void add_heads(const torch::nn::Sequential& classifier, double dropout);
  std::int64_t head_channels() const { return backbone_->level_channels().back(); }

 private:
  std::vector<torch::Tensor> maps(const torch::Tensor& images);  ///< C1...C5

  NetworkOptions options_;
  std::shared_ptr<Backbone> backbone_;
  torch::nn::Sequential classifier_{nullptr}, aux_classifier_{nullptr};
  AttentionSlots attention_{nullptr};
};

/// Fully convolutional network on a ResNet: an FCN head on C5.
/// Long, Shelhamer, Darrell: Fully Convolutional Networks, CVPR 2015 (arXiv 1411.4038), as
/// torchvision has it: 35,322,218 parameters (resnet50) or 54,314,346 (resnet101) with 21 channels
/// of logits and the auxiliary head.
class FcnResNet : public DilatedNetwork {
 public:
  FcnResNet(const NetworkOptions& options, std::string_view backbone);
};

}  // namespace medsweep::models
