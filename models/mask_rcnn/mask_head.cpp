#include "models/mask_rcnn/mask_head.h"

#include "models/layers/up_convolution.h"

namespace medsweep::models {

MaskHeadImpl::MaskHeadImpl(const MaskRcnnOptions& options) {
  const std::int64_t channels = options.pyramid_channels;
  stack_ = std::make_unique<ConvolutionStack>(
      *this, ConvolutionStackOptions{.in_channels = channels,
                                     .channels = channels,
                                     .count = 4,
                                     .normalization = options.version,
                                     .statistics = options.backbone_options.batch_statistics});
  const auto place = options.attention.find("mask_head");
  if (place != options.attention.end())
    attention_ = register_module("attn", place->second.make(channels));
}

torch::Tensor MaskHeadImpl::forward(const torch::Tensor& regions) {
  const torch::Tensor features = stack_->forward(regions);
  return attention_ == nullptr ? features : attention_->forward(features);
}

MaskPredictorImpl::MaskPredictorImpl(std::int64_t channels, std::int64_t classes) {
  conv5_mask_ = register_module(
      "conv5_mask", torch::nn::ConvTranspose2d(
                        torch::nn::ConvTranspose2dOptions(channels, channels, 2).stride(2)));
  mask_fcn_logits_ = register_module(
      "mask_fcn_logits", torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, 1 + classes, 1)));
}

torch::Tensor MaskPredictorImpl::forward(const torch::Tensor& features) {
  const torch::Tensor fine = up_convolution(conv5_mask_, features).relu_();
  return mask_fcn_logits_->forward(fine).to(torch::kFloat);
}

}  // namespace medsweep::models
