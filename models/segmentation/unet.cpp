#include "models/segmentation/unet.h"

#include <fmt/format.h>

#include "models/layers/up_convolution.h"

namespace medsweep::models {

DoubleConvolutionImpl::DoubleConvolutionImpl(std::int64_t in_channels, std::int64_t out_channels,
                                             const NetworkOptions& options) {
  first_ = register_module(
      "first", ConvNormAct(ConvNormActOptions{in_channels, out_channels, 3, options.normalization,
                                              options.batch_statistics}));
  second_ = register_module(
      "second", ConvNormAct(ConvNormActOptions{out_channels, out_channels, 3, options.normalization,
                                               options.batch_statistics}));
}

torch::Tensor DoubleConvolutionImpl::forward(const torch::Tensor& input) {
  return second_->forward(first_->forward(input));
}

UNet::UNet(const NetworkOptions& options) : options_(options), attention_(options) {
  std::int64_t channels = options.in_channels;
  for (std::int64_t level = 0; level < options.depth; ++level) {
    const std::int64_t width = options.width << level;
    encoders_.push_back(register_module(fmt::format("encoder{}", level),
                                        DoubleConvolution(channels, width, options)));
    channels = width;
  }
  for (std::int64_t level = options.depth - 2; level >= 0; --level) {
    const std::int64_t width = options.width << level;
    ups_.push_back(
        register_module(fmt::format("up{}", level),
                        torch::nn::ConvTranspose2d(
                            torch::nn::ConvTranspose2dOptions(2 * width, width, 2).stride(2))));
    decoders_.push_back(register_module(fmt::format("decoder{}", level),
                                        DoubleConvolution(2 * width, width, options)));
  }
  attention_->add_levels(doubled_widths(options.width, options.depth),
                         doubled_widths(options.width, options.depth - 1));
  register_module("attention", attention_);
  head_ = register_module(
      "head", torch::nn::Conv2d(torch::nn::Conv2dOptions(options.width, options.out_channels, 1)));
}

torch::Tensor UNet::forward(const torch::Tensor& images) {
  check_images("model.unet", images, options_.in_channels, size_multiple());
  std::vector<torch::Tensor> skips;
  torch::Tensor features = images;
  for (std::int64_t level = 0; level < options_.depth; ++level) {
    if (level > 0) features = torch::max_pool2d(features, 2);
    features = encoders_[static_cast<std::size_t>(level)]->forward(features);
    features = attention_->after_encoder(level, features);
    skips.push_back(features);
  }
  for (std::size_t i = 0; i < decoders_.size(); ++i) {
    skips.pop_back();
    const std::int64_t level = std::ssize(skips) - 1;
    features = torch::cat(
        {attention_->on_skip(level, skips.back()), up_convolution(ups_[i], features)}, 1);
    features = attention_->after_decoder(level, decoders_[i]->forward(features));
  }
  return head_->forward(features);
}

}  // namespace medsweep::models
