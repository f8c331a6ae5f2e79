#include "models/segmentation/deeplab.h"

#include <stdexcept>

#include "models/layers/normalization.h"

namespace medsweep::models {
namespace {

constexpr double kPyramidDropout = 0.5, kAuxiliaryDropout = 0.1;
constexpr std::int64_t kPlusStride = 16, kLowLevelChannels = 48;
constexpr std::int64_t kPlusLevel = 2;  ///< of the decoder

void check_pyramid(const NetworkOptions& options) {
  if (options.normalization == "instance")
    throw std::invalid_argument(
        "[model.normalization] 'instance' of means of whole images; batch, frozen_batch, group, "
        "none are allowed");
}

}  // namespace

DeepLabV3::DeepLabV3(const NetworkOptions& options) : DilatedNetwork(options, options.backbone) {
  constexpr std::int64_t kChannels = AtrousPyramidImpl::kChannels;
  AtrousPyramidOptions pyramid{head_channels()};
  pyramid.dropout = options.dropout.value_or(kPyramidDropout);
  torch::nn::Sequential head{AtrousPyramid(pyramid, options)};
  push_convolution(head, torch::nn::Conv2dOptions(kChannels, kChannels, 3).padding(1), options);
  head->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(kChannels, options.out_channels, 1)));
  add_heads(head, options.dropout.value_or(kAuxiliaryDropout));
}

NetworkShape DeepLabV3::shape(const NetworkOptions& options) {
  NetworkShape shape = DilatedNetwork::shape(options);
  check_pyramid(options);
  shape.least_samples = AtrousPyramidImpl::kLeastSamples;
  return shape;
}

NetworkShape DeepLabV3Plus::shape(const NetworkOptions& options) {
  NetworkShape shape = backbone_shape(options, kPlusStride);
  check_pyramid(options);
  shape.least_samples = AtrousPyramidImpl::kLeastSamples;
  shape.skip[kPlusLevel] = shape.encoder[kPlusLevel];
  shape.decoder[kPlusLevel] = AtrousPyramidImpl::kChannels;
  return shape;
}

DeepLabV3Plus::DeepLabV3Plus(const NetworkOptions& options) : attention_(options) {
  constexpr std::int64_t kChannels = AtrousPyramidImpl::kChannels;
  backbone_ = register_module(
      "backbone", make_backbone(options.backbone, backbone_options(options, kPlusStride)));
  AtrousPyramidOptions pyramid{backbone_->level_channels().back(), {6, 12, 18}};
  pyramid.dropout = options.dropout.value_or(kPyramidDropout);
  aspp_ = register_module("aspp", AtrousPyramid(pyramid, options));
  const std::int64_t low = backbone_->level_channels()[kPlusLevel - 1];
  push_convolution(low_level_, torch::nn::Conv2dOptions(low, kLowLevelChannels, 1), options);
  register_module("low_level", low_level_);
  for (const std::int64_t from : {kChannels + kLowLevelChannels, kChannels})
    push_convolution(decoder_, torch::nn::Conv2dOptions(from, kChannels, 3).padding(1), options);
  register_module("decoder", decoder_);
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
  head_ = register_module(
      "head", torch::nn::Conv2d(torch::nn::Conv2dOptions(kChannels, options.out_channels, 1)));
}

torch::Tensor DeepLabV3Plus::forward(const torch::Tensor& images) {
  const auto maps =
      backbone_->levels(images, [this](std::int64_t level, const torch::Tensor& features) {
        return attention_->after_encoder(level, features);
      });
  const torch::Tensor low =
      run_layers(low_level_, attention_->on_skip(kPlusLevel, maps[kPlusLevel - 1]));
  const torch::Tensor joined =
      torch::cat({bilinear_like(aspp_->forward(maps.back()), low), low}, 1);
  const torch::Tensor features =
      attention_->after_decoder(kPlusLevel, run_layers(decoder_, joined));
  return bilinear_like(head_->forward(features), images);
}

}  // namespace medsweep::models
