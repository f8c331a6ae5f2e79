#include "models/segmentation/unet_resnet.h"

#include "models/layers/normalization.h"

namespace medsweep::models {
namespace {

torch::nn::Sequential decoder_convolution(std::int64_t in_channels, std::int64_t out_channels,
                                          const NetworkOptions& options) {
  const bool plain = options.normalization == "none";
  torch::nn::Sequential block(torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in_channels, out_channels, 3).padding(1).bias(plain)));
  block->push_back(
      make_normalization(options.normalization, {out_channels, options.batch_statistics}));
  block->push_back(torch::nn::ReLU(torch::nn::ReLUOptions(true)));
  return block;
}

}  // namespace

NetworkShape UNetResNet::shape(const NetworkOptions& options) {
  NetworkShape shape = backbone_shape(options, 32);
  shape.skip.assign(shape.encoder.begin(), shape.encoder.end() - 1);
  shape.decoder = doubled_widths(options.width, std::ssize(shape.skip));
  shape.decoder_start = shape.encoder.back();
  return shape;
}

UNetResNet::UNetResNet(const NetworkOptions& options) : attention_(options) {
  const NetworkShape levels = shape(options);
  encoder_ =
      register_module("encoder", make_backbone(options.backbone, backbone_options(options, 32)));
  const auto decoder = register_module("decoder", std::make_shared<torch::nn::Module>());
  decoder->register_module("blocks", blocks_);
  std::int64_t channels = levels.decoder_start;
  for (std::size_t level = levels.decoder.size(); level-- > 0;) {
    add_block(channels + levels.skip[level], levels.decoder[level], options);
    channels = levels.decoder[level];
  }
  attention_->add_levels(levels);
  register_module("attention", attention_);
  torch::nn::Sequential head(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, options.out_channels, 3).padding(1)));
  head_ = head->ptr<torch::nn::Conv2dImpl>(0);
  register_module("segmentation_head", head);
}

void UNetResNet::add_block(std::int64_t in_channels, std::int64_t out_channels,
                           const NetworkOptions& options) {
  const auto block = std::make_shared<torch::nn::Module>();
  for (const auto& [key, from] : {std::pair{"conv1", in_channels}, {"conv2", out_channels}})
    convolutions_.push_back(
        block->register_module(key, decoder_convolution(from, out_channels, options)));
  blocks_->push_back(block);
}

torch::Tensor UNetResNet::forward(const torch::Tensor& images) {
  const auto maps =
      encoder_->levels(images, [this](std::int64_t level, const torch::Tensor& features) {
        return attention_->after_encoder(level, features);
      });
  torch::Tensor features = maps.back();
  for (std::size_t i = 0; i < convolutions_.size(); i += 2) {
    const std::int64_t level = std::ssize(maps) - 1 - static_cast<std::int64_t>(i / 2);
    const torch::Tensor& above = level > 0 ? maps[static_cast<std::size_t>(level) - 1] : images;
    torch::Tensor joined = torch::upsample_nearest2d(features, above.sizes().slice(2));
    if (level > 0) joined = torch::cat({joined, attention_->on_skip(level, above)}, 1);
    features = run_layers(convolutions_[i + 1], run_layers(convolutions_[i], joined));
    features = attention_->after_decoder(level, features);
  }
  return head_->forward(features);
}

}  // namespace medsweep::models
