#include "models/segmentation/attention_unet.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/layers/up_convolution.h"

namespace medsweep::models {

NetworkShape AttentionUNet::shape(const NetworkOptions& options) {
  if (options.depth < 3)
    throw std::invalid_argument(
        fmt::format("[model.attention_unet] depth {}; 3 to 8 is allowed", options.depth));
  return halving_shape(options);
}

AttentionUNet::AttentionUNet(const NetworkOptions& options)
    : options_(options), attention_(options) {
  const NetworkShape levels = shape(options);
  std::int64_t channels = options.in_channels;
  for (std::int64_t level = 0; level < options.depth; ++level) {
    const std::int64_t width = options.width << level;
    encoders_.push_back(register_module(fmt::format("encoder{}", level),
                                        DoubleConvolution(channels, width, options)));
    channels = width;
  }
  for (std::int64_t level = options.depth - 2; level >= 0; --level) add_level(level);
  attention_->add_levels(levels);
  register_module("attention", attention_);
  head_ = register_module(
      "head", torch::nn::Conv2d(torch::nn::Conv2dOptions(options.width, options.out_channels, 1)));
}

void AttentionUNet::add_level(std::int64_t level) {
  const std::int64_t width = options_.width << level;
  if (level > 0)
    gates_.push_back(
        register_module(fmt::format("gate{}", level), AttentionGate(AttentionGateOptions{
                                                          .channels = width,
                                                          .gating_channels = 2 * width,
                                                          .normalization = options_.normalization,
                                                          .statistics = options_.batch_statistics,
                                                      })));
  ups_.push_back(
      register_module(fmt::format("up{}", level),
                      torch::nn::ConvTranspose2d(
                          torch::nn::ConvTranspose2dOptions(2 * width, width, 2).stride(2))));
  decoders_.push_back(register_module(fmt::format("decoder{}", level),
                                      DoubleConvolution(2 * width, width, options_)));
}

torch::Tensor AttentionUNet::forward(const torch::Tensor& images) {
  check_images("model.attention_unet", images, options_.in_channels, size_multiple());
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
    torch::Tensor skip = level > 0 ? gates_[i]->forward(skips.back(), features) : skips.back();
    skip = attention_->on_skip(level, skip);
    features = torch::cat({skip, up_convolution(ups_[i], features)}, 1);
    features = attention_->after_decoder(level, decoders_[i]->forward(features));
  }
  return head_->forward(features);
}

}  // namespace medsweep::models
