#pragma once

#include <torch/nn.h>

#include <vector>

#include "models/mask_rcnn/policies.h"

namespace medsweep::models {

/// What two networks that see the same images tell each other, level by level of their pyramids:
/// the two pyramids before, the two that their heads go on with after.
/// mean: (A + B) / 2 for both. top_to_bottom: A for the first, (A + B) / 2 for the second.
/// concat: a convolution of both for both, 3x3 on the two finest levels, 1x1 on the others; keys
/// 0.weight, 0.bias ... 4.bias.
/// After Ikedo, Hotta: Feature Sharing Cooperative Network for Semantic Segmentation, VISAPP 2021
/// (arXiv 2101.07905); sum and division by two follow the Heart project, which the paper leaves
/// open.
class FeatureExchangeImpl : public torch::nn::Module {
 public:
  FeatureExchangeImpl(FeatureShare share, std::int64_t channels, std::size_t levels);
  using Pyramids = std::vector<std::vector<torch::Tensor>>;  ///< per network, per level
  /// Throws std::invalid_argument unless there are two pyramids of the same shapes (none: any).
  Pyramids forward(const Pyramids& pyramids);

 private:
  torch::Tensor joined(const torch::Tensor& top, const torch::Tensor& bottom, std::size_t level);

  FeatureShare share_;
  std::vector<torch::nn::Conv2d> convolutions_;
};
TORCH_MODULE(FeatureExchange);

}  // namespace medsweep::models
