#pragma once

#include <array>
#include <vector>

#include "models/backbones/backbones.h"

namespace medsweep::models {

/// What distinguishes one ResNeSt from another.
struct ResNeStPlan {
  std::array<std::int64_t, 4> blocks;  ///< per stage
  std::int64_t stem;                   ///< channels of the stem's first two convolutions
};

/// C1...C5 of a ResNeSt.
constexpr std::array<std::int64_t, Backbone::kLevels> resnest_channels(const ResNeStPlan& plan) {
  return {2 * plan.stem, 256, 512, 1024, 2048};
}

/// A 3x3 convolution to two maps of the input's channels, with normalisation and ReLU, and their
/// sum weighed per channel by a softmax between the two: 1x1 convolutions of the mean of both, with
/// normalisation and ReLU between them. [N, C, H, W] -> the same.
/// Zhang et al.: ResNeSt: Split-Attention Networks, CVPR Workshops 2022 (arXiv 2004.08955), with
/// radix 2 and one group.
/// Keys: conv.weight, bn0.*, fc1.*, bn1.*, fc2.*. With batch normalisation, training needs two
/// samples, and the gradient of fc1.bias is zero.
class SplitConvolutionImpl : public torch::nn::Module {
 public:
  SplitConvolutionImpl(std::int64_t channels, const BackboneOptions& options);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  torch::nn::Conv2d conv_{nullptr}, fc1_{nullptr}, fc2_{nullptr};
  torch::nn::AnyModule bn0_, bn1_;
};
TORCH_MODULE(SplitConvolution);

/// 1x1 convolution, split convolution, 3x3 means where the stride is 2, 1x1 convolution to four
/// times the channels, normalisation after each convolution; plus the input or 2x2 means of it in a
/// 1x1 convolution; ReLU. Keys: conv1.weight, bn1.*, conv2.*, conv3.weight, bn3.*,
/// downsample.1.weight, downsample.2.*.
class SplitBlockImpl : public torch::nn::Module {
 public:
  SplitBlockImpl(std::int64_t in_channels, std::int64_t within, std::int64_t stride,
                 const BackboneOptions& options);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  std::int64_t stride_;
  torch::nn::Conv2d conv1_{nullptr}, conv3_{nullptr};
  SplitConvolution conv2_{nullptr};
  torch::nn::AnyModule bn1_, bn3_;
  torch::nn::Sequential downsample_{nullptr};
};
TORCH_MODULE(SplitBlock);

/// A ResNet of split convolutions, with three 3x3 convolutions as its stem. timm's resnest50d and
/// resnest101e (the authors' resnest50 and resnest101): its architecture, keys and parameter
/// counts, without the classifier.
class ResNeSt : public Backbone {
 public:
  ResNeSt(const ResNeStPlan& plan, const BackboneOptions& options);

 private:
  std::vector<torch::Tensor> run(const torch::Tensor& images, const AfterLevel& after) override;

  torch::nn::Sequential conv1_;
  torch::nn::AnyModule bn1_;
  std::vector<torch::nn::Sequential> stages_;
};

}  // namespace medsweep::models
