#include "models/segmentation/retina_unet.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/layers/normalization.h"
#include "models/layers/up_convolution.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kRetinaDepth = 5;

}  // namespace

RetinaUNet::RetinaUNet(const NetworkOptions& options) : options_(options), attention_(options) {
  if (options.depth != kRetinaDepth)
    throw std::invalid_argument(
        fmt::format("[model.retina_unet] depth {}; 5 is allowed", options.depth));
  std::int64_t channels = options.in_channels;
  for (int level = 1; level <= kRetinaDepth; ++level) {
    const std::int64_t width = options.width << (level - 1);
    for (int position = 1; position <= (level < kRetinaDepth ? 2 : 1); ++position) {
      encoders_.push_back(add_block(fmt::format("enc{}_{}", level, position), channels, width));
      channels = width;
    }
  }
  bridge_ = add_block("dec5_1", channels, channels / 2);
  for (int level = kRetinaDepth - 1; level >= 1; --level) {
    const std::int64_t width = options.width << (level - 1);
    unpools_.push_back(register_module(
        fmt::format("unpool{}", level),
        torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(width, width, 2).stride(2))));
    decoders_.push_back(add_block(fmt::format("dec{}_2", level), 2 * width, width));
    decoders_.push_back(
        add_block(fmt::format("dec{}_1", level), width, level > 1 ? width / 2 : width));
  }
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
  head_ = register_module("dec1_0", torch::nn::Conv2d(torch::nn::Conv2dOptions(
                                        options.width, options.out_channels, 1)));
}

torch::nn::Sequential RetinaUNet::add_block(const std::string& key, std::int64_t in_channels,
                                            std::int64_t out_channels) {
  torch::nn::Sequential block(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(in_channels, out_channels, 3).padding(1)));
  block->push_back(
      make_normalization(options_.normalization, {out_channels, options_.batch_statistics}));
  block->push_back(torch::nn::ReLU(torch::nn::ReLUOptions(true)));
  return register_module(key, block);
}

NetworkShape RetinaUNet::shape(const NetworkOptions& options) {
  NetworkShape shape = halving_shape(options);
  for (std::size_t level = 1; level < shape.decoder.size(); ++level) shape.decoder[level] /= 2;
  shape.decoder_start /= 2;
  return shape;
}

NetworkOutputs RetinaUNet::outputs(const torch::Tensor& images) {
  check_images("model.retina_unet", images, options_.in_channels, size_multiple());
  std::vector<torch::Tensor> skips;
  torch::Tensor features = images;
  for (std::size_t i = 0; i + 1 < encoders_.size(); i += 2) {
    if (i > 0) features = torch::max_pool2d(features, 2);
    features = encoders_[i + 1]->forward(encoders_[i]->forward(features));
    features = attention_->after_encoder(std::ssize(skips), features);
    skips.push_back(features);
  }
  features = encoders_.back()->forward(torch::max_pool2d(features, 2));
  features = bridge_->forward(attention_->after_encoder(kRetinaDepth - 1, features));
  for (std::size_t i = 0; i < unpools_.size(); ++i) {
    const std::int64_t level = std::ssize(skips) - 1;
    features = torch::cat(
        {up_convolution(unpools_[i], features), attention_->on_skip(level, skips.back(), features)},
        1);
    skips.pop_back();
    features = decoders_[2 * i + 1]->forward(decoders_[2 * i]->forward(features));
    features = attention_->after_decoder(level, features);
  }
  return {head_->forward(features), {}, features};
}

}  // namespace medsweep::models
