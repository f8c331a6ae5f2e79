#pragma once

#include <array>
#include <vector>

#include "models/backbones/backbones.h"

namespace medsweep::models {

/// What distinguishes one DenseNet from another.
struct DenseNetPlan {
  std::array<std::int64_t, 4> layers;  ///< per block
  std::int64_t growth = 32;            ///< channels that a layer adds
  std::int64_t stem = 64;              ///< channels of C1
};

/// C1...C5 of a DenseNet.
constexpr std::array<std::int64_t, Backbone::kLevels> densenet_channels(const DenseNetPlan& plan) {
  std::array<std::int64_t, Backbone::kLevels> channels{plan.stem};
  std::int64_t in = plan.stem;
  for (std::size_t block = 0; block < plan.layers.size(); ++block) {
    channels[block + 1] = in + plan.layers[block] * plan.growth;
    in = channels[block + 1] / 2;
  }
  return channels;
}

/// normalisation, ReLU, 1x1 convolution to four times the growth, normalisation, ReLU, 3x3
/// convolution to the growth. Keys: norm1.*, conv1.weight, norm2.*, conv2.weight.
class DenseLayerImpl : public torch::nn::Module {
 public:
  DenseLayerImpl(std::int64_t in_channels, std::int64_t growth, const BackboneOptions& options);
  torch::Tensor forward(const torch::Tensor& features);  ///< [N, in, H, W] -> [N, growth, H, W]

 private:
  torch::nn::AnyModule norm1_, norm2_;
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr};
};
TORCH_MODULE(DenseLayer);

/// A 7x7 convolution and 3x3 maximum with stride 2, then four blocks in which each layer sees the
/// maps of all layers before it; between them normalisation, ReLU, a 1x1 convolution to half of the
/// channels and 2x2 means. C1 is the stem's, C2...C5 are the blocks' maps with the normalisation
/// and ReLU that follow them. Huang, Liu, van der Maaten, Weinberger: Densely Connected
/// Convolutional Networks, CVPR 2017 (arXiv 1608.06993). torchvision's architecture, keys
/// (features.conv0.weight ...) and parameter counts without the classifier; means at an odd border
/// are taken of what there is, so that sizes are rounded up (torchvision cuts them off).
class DenseNet : public Backbone {
 public:
  DenseNet(const DenseNetPlan& plan, const BackboneOptions& options);

 private:
  struct Block {
    std::vector<DenseLayer> layers;
    torch::nn::AnyModule norm;
    torch::nn::Conv2d conv{nullptr};  ///< of the transition; null after the last block
  };
  std::vector<torch::Tensor> run(const torch::Tensor& images, const AfterLevel& after) override;

  torch::nn::Conv2d conv0_{nullptr};
  torch::nn::AnyModule norm0_;
  std::vector<Block> blocks_;
};

}  // namespace medsweep::models
