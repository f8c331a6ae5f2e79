#pragma once

#include <memory>
#include <vector>

#include "models/segmentation/attention_slots.h"
#include "models/segmentation/dilated_network.h"

namespace medsweep::models {

/// Scores of a VGG's last maxima (through a 7x7 and a 1x1 convolution with ReLU and dropout), of
/// its fourth and its third, each coarser sum enlarged twofold and added to the next, the last one
/// enlarged eightfold by transposed convolutions that start bilinear. Sides are multiples of 32.
/// Long, Shelhamer, Darrell: Fully Convolutional Networks, CVPR 2015 (arXiv 1411.4038), "FCN-8s at
/// once" with padded convolutions in place of a border of 100 pixels. Width 4096 (of the two
/// convolutions): 134.3 M parameters.
///
/// Keys: backbone.features.*, fc6.*, fc7.*, score_fr.*, score_pool4.*, score_pool3.*,
/// upscore2.weight, upscore_pool4.weight, upscore8.weight; attention.*. Attention stands at
/// encoder1...encoder4 (behind the groups of convolutions but the first), at the bottleneck (the
/// last maxima), and at skip3 and skip4 (the third and fourth).
class Fcn8s : public SegmentationNetwork {
 public:
  /// Throws std::invalid_argument for a backbone other than vgg16 and vgg16_bn.
  static NetworkShape shape(const NetworkOptions& options);
  explicit Fcn8s(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override;
  std::int64_t size_multiple() const override { return 32; }
  void initialize_own() override;

 private:
  torch::nn::ConvTranspose2d add_up(const char* key, std::int64_t factor);

  NetworkOptions options_;
  std::shared_ptr<Backbone> backbone_;
  torch::nn::Sequential layers_;  ///< fc6, fc7 and what stands behind them
  torch::nn::Conv2d score_fr_{nullptr}, score_pool4_{nullptr}, score_pool3_{nullptr};
  torch::nn::ConvTranspose2d upscore2_{nullptr}, upscore_pool4_{nullptr}, upscore8_{nullptr};
  AttentionSlots attention_{nullptr};
};

}  // namespace medsweep::models
