#pragma once

#include <array>
#include <vector>

#include "models/backbones/backbones.h"

namespace medsweep::models {

enum class VggKind {
  kPlain,       ///< convolutions with bias, as published
  kNormalized,  ///< "BN": a normalisation between each convolution and its ReLU
};

/// C1...C5 of the VGG of 16 layers.
inline constexpr std::array<std::int64_t, Backbone::kLevels> kVggChannels{128, 256, 512, 512, 512};

/// Thirteen 3x3 convolutions with ReLU in five groups, each followed by 2x2 maxima. C1...C4 are
/// what the second to the fifth group say before their maxima, C5 the last maxima. Simonyan,
/// Zisserman: Very Deep Convolutional Networks, ICLR 2015 (arXiv 1409.1556): torchvision's vgg16
/// and vgg16_bn without the classifier, with its keys features.0.weight ... Maxima at an odd border
/// are taken of what there is, so that sizes are rounded up (torchvision cuts them off).
class Vgg : public Backbone {
 public:
  Vgg(VggKind kind, const BackboneOptions& options);

 private:
  std::vector<torch::Tensor> run(const torch::Tensor& images, const AfterLevel& after) override;

  std::vector<torch::nn::Sequential> groups_;  ///< without their maxima
};

}  // namespace medsweep::models
