#pragma once

#include <array>
#include <vector>

#include "models/backbones/backbones.h"

namespace medsweep::models {

enum class ResidualKind {
  kBasic,       ///< two 3x3 convolutions
  kBottleneck,  ///< 1x1, 3x3, 1x1; four times as many channels out as within
};

/// What distinguishes one ResNet from another.
struct ResNetPlan {
  ResidualKind kind;
  std::array<std::int64_t, 4> blocks;  ///< per stage
  std::int64_t groups = 1;             ///< of the 3x3 convolutions in bottlenecks
  std::int64_t width_per_group = 64;   ///< in the first stage
};

/// C1...C5 of a ResNet.
constexpr std::array<std::int64_t, Backbone::kLevels> resnet_channels(const ResNetPlan& plan) {
  const std::int64_t expansion = plan.kind == ResidualKind::kBasic ? 1 : 4;
  return {64, 64 * expansion, 128 * expansion, 256 * expansion, 512 * expansion};
}

/// The backbone of a network that is told none.
inline constexpr std::string_view kDefaultBackbone = "resnet50";

/// Adds what its convolutions make of the input to the input (or, where the shapes differ, to a 1x1
/// convolution of it), then ReLU. Keys: conv1.*, bn1.*, conv2.*, ..., downsample.0.*, .1.*.
class ResidualBlockImpl : public torch::nn::Module {
 public:
  /// The channels of the block's convolutions, its step in pixels, and that of its 3x3 kernels.
  struct Shape {
    std::int64_t in, within, out, stride, dilation = 1;
  };
  ResidualBlockImpl(const ResNetPlan& plan, const Shape& shape, const BackboneOptions& options);
  torch::Tensor forward(const torch::Tensor& input);  ///< [N, in, H, W] -> [N, out, H', W']
  /// The last normalisation's scale; undefined where it has none.
  torch::Tensor last_scale() const;

 private:
  void add(const torch::nn::Conv2dOptions& convolution, const BackboneOptions& options);

  std::vector<torch::nn::Conv2d> convolutions_;
  std::vector<torch::nn::AnyModule> normalizations_;
  torch::nn::Sequential downsample_{nullptr};
};
TORCH_MODULE(ResidualBlock);

/// A 7x7 convolution and 3x3 maximum, each with stride 2, then four stages of residual blocks.
/// He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016 (arXiv
/// 1512.03385); ResNeXt: Xie et al., CVPR 2017 (arXiv 1611.05431). torchvision's architecture, keys
/// and parameter counts, without the classifier.
class ResNet : public Backbone {
 public:
  ResNet(const ResNetPlan& plan, const BackboneOptions& options);

 private:
  void add_stage(const ResNetPlan& plan, std::size_t stage, const BackboneOptions& options);
  std::vector<torch::Tensor> run(const torch::Tensor& images, const AfterLevel& after) override;

  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::AnyModule bn1_;
  std::vector<torch::nn::Sequential> stages_;
  std::int64_t step_ = 4;      ///< pixels of the image to one of the stages' so far
  std::int64_t dilation_ = 1;  ///< of the stages so far
};

/// Sets the last normalisation's scale of every residual block in `module` to 0, so that each block
/// starts as the identity (Goyal et al., arXiv 1706.02677). Blocks without such a scale stay.
void zero_residual_branches(torch::nn::Module& module);

}  // namespace medsweep::models
