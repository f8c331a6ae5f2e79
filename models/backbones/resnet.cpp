#include "models/backbones/resnet.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/layers/normalization.h"

namespace medsweep::models {
namespace {

constexpr std::array<std::string_view, 4> kStagePlaces{"c2", "c3", "c4", "c5"};

torch::nn::AnyModule residual_normalization(std::int64_t channels, const BackboneOptions& options) {
  NormalizationOptions normalization{channels, options.batch_statistics};
  normalization.eps = options.eps;
  normalization.momentum = options.momentum;
  return make_normalization(options.normalization, normalization);
}

torch::nn::Conv2d residual_convolution(torch::nn::Conv2dOptions layer,
                                       const BackboneOptions& options) {
  return torch::nn::Conv2d(layer.bias(options.bias == ConvolutionBias::kTrained));
}

torch::nn::Conv2dOptions residual_kernel(std::int64_t in, std::int64_t out, std::int64_t size,
                                         std::int64_t stride) {
  return torch::nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2);
}

void check_backbone_images(const torch::Tensor& images, std::int64_t channels) {
  if (images.dim() != 4 || images.size(1) != channels || images.size(2) < 1 || images.size(3) < 1)
    throw std::invalid_argument(
        fmt::format("[backbone] images of {}; N x {} x H x W with H and W of at least 1 are "
                    "allowed",
                    fmt::join(images.sizes(), "x"), channels));
}

}  // namespace

ResidualBlockImpl::ResidualBlockImpl(const ResNetPlan& plan, const Shape& shape,
                                     const BackboneOptions& options) {
  if (plan.kind == ResidualKind::kBasic) {
    add(residual_kernel(shape.in, shape.within, 3, shape.stride), options);
    add(residual_kernel(shape.within, shape.out, 3, 1), options);
  } else {
    const bool first = options.stride == BlockStride::kFirst;
    add(residual_kernel(shape.in, shape.within, 1, first ? shape.stride : 1), options);
    add(residual_kernel(shape.within, shape.within, 3, first ? 1 : shape.stride)
            .groups(plan.groups),
        options);
    add(residual_kernel(shape.within, shape.out, 1, 1), options);
  }
  if (shape.stride == 1 && shape.in == shape.out) return;
  downsample_ = register_module("downsample", torch::nn::Sequential());
  downsample_->push_back(
      residual_convolution(residual_kernel(shape.in, shape.out, 1, shape.stride), options));
  downsample_->push_back(residual_normalization(shape.out, options));
}

void ResidualBlockImpl::add(const torch::nn::Conv2dOptions& convolution,
                            const BackboneOptions& options) {
  const std::size_t number = convolutions_.size() + 1;
  convolutions_.push_back(
      register_module(fmt::format("conv{}", number), residual_convolution(convolution, options)));
  normalizations_.push_back(residual_normalization(convolution.out_channels(), options));
  register_module(fmt::format("bn{}", number), normalizations_.back().ptr());
}

torch::Tensor ResidualBlockImpl::forward(const torch::Tensor& input) {
  torch::Tensor features = input;
  for (std::size_t i = 0; i < convolutions_.size(); ++i) {
    if (i > 0) features = features.relu_();
    features = normalizations_[i].forward(convolutions_[i]->forward(features));
  }
  features += downsample_.is_empty() ? input : downsample_->forward(input);
  return features.relu_();
}

torch::Tensor ResidualBlockImpl::last_scale() const {
  const auto parameters = normalizations_.back().ptr()->named_parameters(false);
  const torch::Tensor* const scale = parameters.find("weight");
  return scale == nullptr ? torch::Tensor() : *scale;
}

ResNet::ResNet(const ResNetPlan& plan, const BackboneOptions& options)
    : in_channels_(options.in_channels) {
  conv1_ = register_module("conv1",
                           residual_convolution(residual_kernel(in_channels_, 64, 7, 2), options));
  bn1_ = residual_normalization(64, options);
  register_module("bn1", bn1_.ptr());
  for (std::size_t stage = 0; stage < plan.blocks.size(); ++stage) add_stage(plan, stage, options);
  add_attention(options);
}

void ResNet::add_stage(const ResNetPlan& plan, std::size_t stage, const BackboneOptions& options) {
  const std::int64_t base = std::int64_t{64} << stage;
  const bool basic = plan.kind == ResidualKind::kBasic;
  const std::int64_t within = basic ? base : base * plan.width_per_group / 64 * plan.groups;
  const std::int64_t out = basic ? base : 4 * base;
  std::int64_t in = stage == 0 ? 64 : channels_.back();
  torch::nn::Sequential blocks;
  for (std::int64_t i = 0; i < plan.blocks[stage]; ++i) {
    const std::int64_t stride = i == 0 && stage > 0 ? 2 : 1;
    blocks->push_back(
        ResidualBlock(plan, ResidualBlockImpl::Shape{in, within, out, stride}, options));
    in = out;
  }
  stages_.push_back(register_module(fmt::format("layer{}", stage + 1), blocks));
  channels_.push_back(out);
}

void ResNet::add_attention(const BackboneOptions& options) {
  attention_.resize(stages_.size());
  if (options.attention.empty()) return;
  const auto modules = register_module("attention", std::make_shared<torch::nn::Module>());
  for (const auto& [place, attention] : options.attention) {
    const auto* const found = std::find(kStagePlaces.begin() + 1, kStagePlaces.end(), place);
    if (found == kStagePlaces.end())
      throw std::invalid_argument(
          fmt::format("[backbone] attention at '{}'; c3, c4, c5 are allowed", place));
    const auto stage = static_cast<std::size_t>(found - kStagePlaces.begin());
    attention_[stage] = modules->register_module(place, attention.make(channels_[stage]));
  }
}

std::vector<torch::Tensor> ResNet::forward(const torch::Tensor& images) {
  check_backbone_images(images, in_channels_);
  torch::Tensor features = bn1_.forward(conv1_->forward(images));
  features = torch::max_pool2d(features.relu_(), 3, 2, 1);
  std::vector<torch::Tensor> maps;
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
    features = stages_[stage]->forward(features);
    if (attention_[stage] != nullptr) features = attention_[stage]->forward(features);
    maps.push_back(features);
  }
  return maps;
}

void zero_residual_branches(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (const auto& child : module.modules())
    if (const auto* block = child->as<ResidualBlockImpl>())
      if (torch::Tensor scale = block->last_scale(); scale.defined()) scale.zero_();
}

}  // namespace medsweep::models
