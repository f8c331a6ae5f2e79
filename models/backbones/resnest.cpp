#include "models/backbones/resnest.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/backbones/backbone_layers.h"
#include "models/layers/normalization.h"

namespace medsweep::models {

SplitConvolutionImpl::SplitConvolutionImpl(std::int64_t channels, const BackboneOptions& options) {
  const std::int64_t within = std::max<std::int64_t>(32, channels / 2);
  conv_ = register_module("conv",
                          torch::nn::Conv2d(backbone_kernel(channels, 2 * channels, 3).groups(2)));
  bn0_ = backbone_normalization(2 * channels, options);
  register_module("bn0", bn0_.ptr());
  fc1_ = register_module("fc1", torch::nn::Conv2d(backbone_kernel(channels, within, 1).bias(true)));
  bn1_ = backbone_normalization(within, options);
  register_module("bn1", bn1_.ptr());
  fc2_ = register_module("fc2",
                         torch::nn::Conv2d(backbone_kernel(within, 2 * channels, 1).bias(true)));
}

torch::Tensor SplitConvolutionImpl::forward(const torch::Tensor& input) {
  const torch::Tensor both = normalize_and_relu(bn0_, conv_->forward(input));
  const auto parts = both.chunk(2, 1);
  const torch::Tensor mean = torch::adaptive_avg_pool2d(parts[0] + parts[1], {1, 1});
  const torch::Tensor scores =
      fc2_->forward(normalize_and_relu(bn1_, fc1_->forward(mean)));  // [N, 2 C, 1, 1]
  const auto weights = torch::softmax(torch::stack(scores.chunk(2, 1)), 0).to(both.scalar_type());
  return parts[0] * weights[0] + parts[1] * weights[1];
}

SplitBlockImpl::SplitBlockImpl(std::int64_t in_channels, std::int64_t within, std::int64_t stride,
                               const BackboneOptions& options)
    : stride_(stride),
      bn1_(backbone_normalization(within, options)),
      bn3_(backbone_normalization(4 * within, options)) {
  conv1_ = register_module("conv1", torch::nn::Conv2d(backbone_kernel(in_channels, within, 1)));
  register_module("bn1", bn1_.ptr());
  conv2_ = register_module("conv2", SplitConvolution(within, options));
  conv3_ = register_module("conv3", torch::nn::Conv2d(backbone_kernel(within, 4 * within, 1)));
  register_module("bn3", bn3_.ptr());
  if (stride == 1 && in_channels == 4 * within) return;
  downsample_ = torch::nn::Sequential();
  if (stride == 1)
    downsample_->push_back(torch::nn::Identity());
  else
    downsample_->push_back(torch::nn::AvgPool2d(
        torch::nn::AvgPool2dOptions(2).stride(stride).ceil_mode(true).count_include_pad(false)));
  downsample_->push_back(torch::nn::Conv2d(backbone_kernel(in_channels, 4 * within, 1)));
  downsample_->push_back(backbone_normalization(4 * within, options));
  register_module("downsample", downsample_);
}

torch::Tensor SplitBlockImpl::forward(const torch::Tensor& input) {
  torch::Tensor features = conv2_->forward(normalize_and_relu(bn1_, conv1_->forward(input)));
  if (stride_ > 1) features = torch::avg_pool2d(features, 3, stride_, 1);
  features = bn3_.forward(conv3_->forward(features));
  return torch::relu(features + (downsample_ ? downsample_->forward(input) : input));
}

ResNeSt::ResNeSt(const ResNeStPlan& plan, const BackboneOptions& options)
    : Backbone(options, resnest_channels(plan)) {
  std::int64_t in = options.in_channels;
  for (const std::int64_t out : {plan.stem, plan.stem}) {
    conv1_->push_back(torch::nn::Conv2d(backbone_kernel(in, out, 3, conv1_->is_empty() ? 2 : 1)));
    conv1_->push_back(backbone_normalization(out, options));
    conv1_->push_back(torch::nn::ReLU());
    in = out;
  }
  conv1_->push_back(torch::nn::Conv2d(backbone_kernel(in, 2 * plan.stem, 3)));
  register_module("conv1", conv1_);
  bn1_ = backbone_normalization(2 * plan.stem, options);
  register_module("bn1", bn1_.ptr());
  in = 2 * plan.stem;
  for (std::size_t stage = 0; stage < plan.blocks.size(); ++stage) {
    torch::nn::Sequential blocks;
    const std::int64_t within = std::int64_t{64} << stage;
    for (std::int64_t i = 0; i < plan.blocks[stage]; ++i) {
      blocks->push_back(SplitBlock(in, within, i == 0 && stage > 0 ? 2 : 1, options));
      in = 4 * within;
    }
    stages_.push_back(register_module(fmt::format("layer{}", stage + 1), blocks));
  }
  add_attention(options);
}

std::vector<torch::Tensor> ResNeSt::run(const torch::Tensor& images, const AfterLevel& after) {
  std::vector<torch::Tensor> maps{after(1, normalize_and_relu(bn1_, conv1_->forward(images)))};
  torch::Tensor features = torch::max_pool2d(maps.back(), 3, 2, 1);
  for (torch::nn::Sequential& stage : stages_) {
    features = after(std::ssize(maps) + 1, stage->forward(features));
    maps.push_back(features);
  }
  return maps;
}

}  // namespace medsweep::models
