#include "models/segmentation/sa_unet.h"

#include <fmt/format.h>

#include "models/layers/normalization.h"
#include "models/layers/up_convolution.h"

namespace medsweep::models {

DropBlockConvolutionImpl::DropBlockConvolutionImpl(std::int64_t in_channels,
                                                   std::int64_t out_channels,
                                                   const NetworkOptions& options) {
  convolution_ = register_module(
      "convolution",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(in_channels, out_channels, 3).padding(1)));
  drop_ = register_module("drop", DropBlock(options.drop_block));
  NormalizationOptions normalization{out_channels, options.batch_statistics};
  normalization.eps = 1e-3;
  normalization.momentum = 0.01;
  normalization_ = make_normalization(options.normalization, normalization);
  register_module("normalization", normalization_.ptr());
}

torch::Tensor DropBlockConvolutionImpl::forward(const torch::Tensor& input) {
  const torch::Tensor features = drop_->forward(convolution_->forward(input));
  return normalize_and_relu(normalization_, features);
}

SaUNet::SaUNet(const NetworkOptions& options) : options_(options), attention_(options) {
  const auto add = [&](const std::string& key, std::int64_t from, std::int64_t to) {
    return register_module(key, DropBlockConvolution(from, to, options));
  };
  std::int64_t channels = options.in_channels;
  for (std::int64_t level = 0; level < options.depth; ++level) {
    const std::int64_t width = options.width << level;
    encoders_.push_back(add(fmt::format("encoder{}_1", level), channels, width));
    if (level + 1 == options.depth)
      spatial_ = register_module("spatial", PlacedAttention{.name = "spatial"}.make(width));
    encoders_.push_back(add(fmt::format("encoder{}_2", level), width, width));
    channels = width;
  }
  for (std::int64_t level = options.depth - 2; level >= 0; --level) {
    const std::int64_t width = options.width << level;
    ups_.push_back(
        register_module(fmt::format("up{}", level),
                        torch::nn::ConvTranspose2d(
                            torch::nn::ConvTranspose2dOptions(2 * width, width, 3).stride(2))));
    decoders_.push_back(add(fmt::format("decoder{}_1", level), 2 * width, width));
    decoders_.push_back(add(fmt::format("decoder{}_2", level), width, width));
  }
  attention_->add_levels(halving_shape(options));
  register_module("attention", attention_);
  head_ = register_module(
      "head", torch::nn::Conv2d(torch::nn::Conv2dOptions(options.width, options.out_channels, 1)));
}

NetworkOutputs SaUNet::outputs(const torch::Tensor& images) {
  check_images("model.sa_unet", images, options_.in_channels, size_multiple());
  std::vector<torch::Tensor> skips;
  torch::Tensor features = images;
  for (std::int64_t level = 0; level < options_.depth; ++level) {
    const auto first = static_cast<std::size_t>(2 * level);
    if (level > 0) features = torch::max_pool2d(features, 2);
    features = encoders_[first]->forward(features);
    if (level + 1 == options_.depth) features = spatial_->forward(features);
    features = attention_->after_encoder(level, encoders_[first + 1]->forward(features));
    skips.push_back(features);
  }
  for (std::size_t i = 0; i < ups_.size(); ++i) {
    skips.pop_back();
    const std::int64_t level = std::ssize(skips) - 1;
    const torch::Tensor& skip = skips.back();
    const torch::Tensor up =
        up_convolution(ups_[i], features).narrow(2, 0, skip.size(2)).narrow(3, 0, skip.size(3));
    features = torch::cat({up, attention_->on_skip(level, skip, features)}, 1);
    features = decoders_[2 * i + 1]->forward(decoders_[2 * i]->forward(features));
    features = attention_->after_decoder(level, features);
  }
  return {head_->forward(features), {}, features};
}

}  // namespace medsweep::models
