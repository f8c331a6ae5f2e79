#pragma once

#include <torch/nn.h>

#include <array>
#include <vector>

#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

struct AtrousPyramidOptions {
  std::int64_t in_channels;
  std::array<std::int64_t, 3> rates{12, 24, 36};  ///< dilations of the 3x3 kernels
  double dropout = 0.5;                           ///< at the end
};

/// Five views of a map, each of 256 channels with normalisation and ReLU: a 1x1 convolution, three
/// dilated 3x3 ones, and the mean over the map; joined by a 1x1 convolution to 256, normalisation,
/// ReLU and dropout ("ASPP").
/// Chen, Papandreou, Schroff, Adam: Rethinking Atrous Convolution, 2017 (arXiv 1706.05587).
/// [N, in, H, W] -> [N, 256, H, W]. With batch normalisation, training needs two samples: the mean
/// leaves one number of each.
///
/// torchvision's keys: convs.0.0.weight, convs.0.1.* ... convs.4.1.weight, convs.4.2.*,
/// project.0.weight, project.1.*.
class AtrousPyramidImpl : public torch::nn::Module {
 public:
  static constexpr std::int64_t kChannels = 256;
  static constexpr std::int64_t kLeastSamples = 2;  ///< of batch normalisation in training

  AtrousPyramidImpl(const AtrousPyramidOptions& pyramid, const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& features);

 private:
  std::vector<torch::nn::Sequential> convs_;
  torch::nn::Sequential project_{nullptr};
};
TORCH_MODULE(AtrousPyramid);

/// A convolution without bias that keeps the size, normalisation and ReLU, behind what `block` has.
/// kernel: 1 or 3.
void push_convolution(torch::nn::Sequential& block, const torch::nn::Conv2dOptions& convolution,
                      const NetworkOptions& options);

}  // namespace medsweep::models
