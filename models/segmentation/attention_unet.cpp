#include "models/segmentation/attention_unet.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/layers/normalization.h"
#include "models/layers/up_convolution.h"

namespace medsweep::models {

SkipGateImpl::SkipGateImpl(std::int64_t channels, const NetworkOptions& options) {
  const std::int64_t within = std::max<std::int64_t>(1, channels / 2);
  theta_ = register_module(
      "theta",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, within, 2).stride(2).bias(false)));
  phi_ =
      register_module("phi", torch::nn::Conv2d(torch::nn::Conv2dOptions(2 * channels, within, 1)));
  psi_ = register_module("psi", torch::nn::Conv2d(torch::nn::Conv2dOptions(within, 1, 1)));
  output_ =
      register_module("output", torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, channels, 1)));
  normalization_ = make_normalization(options.normalization, {channels, options.batch_statistics});
  register_module("normalization", normalization_.ptr());
}

torch::Tensor SkipGateImpl::forward(const torch::Tensor& skip, const torch::Tensor& gating) {
  const torch::Tensor seen = torch::relu(theta_->forward(skip) + phi_->forward(gating));
  const torch::Tensor gate =
      torch::upsample_bilinear2d(torch::sigmoid(psi_->forward(seen)), skip.sizes().slice(2), false);
  return normalization_.forward(output_->forward(skip * gate.to(skip.scalar_type())));
}

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
  if (level > 0) {
    gates_.push_back(register_module(fmt::format("gate{}", level), SkipGate(width, options_)));
  }
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
