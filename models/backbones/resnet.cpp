#include "models/backbones/resnet.h"

#include <fmt/format.h>

#include "models/backbones/backbone_layers.h"
#include "models/layers/normalization.h"

namespace medsweep::models {
namespace {

torch::nn::Conv2d residual_convolution(torch::nn::Conv2dOptions layer,
                                       const BackboneOptions& options) {
  return torch::nn::Conv2d(layer.bias(options.bias == ConvolutionBias::kTrained));
}

torch::nn::Conv2dOptions residual_kernel(std::int64_t in, std::int64_t out, std::int64_t size,
                                         std::int64_t stride) {
  return torch::nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2);
}

torch::nn::Conv2dOptions dilated_kernel(std::int64_t in, std::int64_t out, std::int64_t stride,
                                        std::int64_t dilation) {
  return torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(dilation).dilation(dilation);
}

}  // namespace

ResidualBlockImpl::ResidualBlockImpl(const ResNetPlan& plan, const Shape& shape,
                                     const BackboneOptions& options) {
  if (plan.kind == ResidualKind::kBasic) {
    add(dilated_kernel(shape.in, shape.within, shape.stride, shape.dilation), options);
    add(dilated_kernel(shape.within, shape.out, 1, shape.dilation), options);
  } else {
    const bool first = options.stride == BlockStride::kFirst;
    add(residual_kernel(shape.in, shape.within, 1, first ? shape.stride : 1), options);
    add(dilated_kernel(shape.within, shape.within, first ? 1 : shape.stride, shape.dilation)
            .groups(plan.groups),
        options);
    add(residual_kernel(shape.within, shape.out, 1, 1), options);
  }
  if (shape.stride == 1 && shape.in == shape.out) return;
  downsample_ = register_module("downsample", torch::nn::Sequential());
  downsample_->push_back(
      residual_convolution(residual_kernel(shape.in, shape.out, 1, shape.stride), options));
  downsample_->push_back(backbone_normalization(shape.out, options));
}

void ResidualBlockImpl::add(const torch::nn::Conv2dOptions& convolution,
                            const BackboneOptions& options) {
  const std::size_t number = convolutions_.size() + 1;
  convolutions_.push_back(
      register_module(fmt::format("conv{}", number), residual_convolution(convolution, options)));
  normalizations_.push_back(backbone_normalization(convolution.out_channels(), options));
  register_module(fmt::format("bn{}", number), normalizations_.back().ptr());
}

torch::Tensor ResidualBlockImpl::forward(const torch::Tensor& input) {
  torch::Tensor features = input;
  for (std::size_t i = 0; i < convolutions_.size(); ++i) {
    const torch::Tensor map = convolutions_[i]->forward(features);
    const bool last = i + 1 == convolutions_.size();
    features = last ? normalizations_[i].forward(map) : normalize_and_relu(normalizations_[i], map);
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
    : Backbone(options, resnet_channels(plan)) {
  conv1_ = register_module(
      "conv1", residual_convolution(residual_kernel(options.in_channels, 64, 7, 2), options));
  bn1_ = backbone_normalization(64, options);
  register_module("bn1", bn1_.ptr());
  for (std::size_t stage = 0; stage < plan.blocks.size(); ++stage) add_stage(plan, stage, options);
  add_attention(options);
}

// The first block of a dilated stage keeps the dilation of the stage before: its kernels see that
// stage's map.
void ResNet::add_stage(const ResNetPlan& plan, std::size_t stage, const BackboneOptions& options) {
  const std::int64_t base = std::int64_t{64} << stage;
  const bool basic = plan.kind == ResidualKind::kBasic;
  const std::int64_t within = basic ? base : base * plan.width_per_group / 64 * plan.groups;
  const std::int64_t out = level_channels()[stage + 1];
  std::int64_t in = level_channels()[stage], dilation = dilation_;
  std::int64_t stride = stage > 0 && step_ < options.output_stride ? 2 : 1;
  step_ *= stride;
  if (stage > 0 && stride == 1) dilation_ *= 2;
  torch::nn::Sequential blocks;
  for (std::int64_t i = 0; i < plan.blocks[stage]; ++i) {
    blocks->push_back(
        ResidualBlock(plan, ResidualBlockImpl::Shape{in, within, out, stride, dilation}, options));
    in = out;
    stride = 1;
    dilation = dilation_;
  }
  stages_.push_back(register_module(fmt::format("layer{}", stage + 1), blocks));
}

std::vector<torch::Tensor> ResNet::run(const torch::Tensor& images, const AfterLevel& after) {
  std::vector<torch::Tensor> maps{after(1, normalize_and_relu(bn1_, conv1_->forward(images)))};
  torch::Tensor features = torch::max_pool2d(maps.back(), 3, 2, 1);
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
    features = after(std::ssize(maps) + 1, stages_[stage]->forward(features));
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
