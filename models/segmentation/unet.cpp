#include "models/segmentation/unet.h"

#include <fmt/format.h>

#include "models/attention/split_attention.h"
#include "models/layers/up_convolution.h"

namespace medsweep::models {

DoubleConvolutionImpl::DoubleConvolutionImpl(std::int64_t in_channels, std::int64_t out_channels,
                                             const NetworkOptions& options,
                                             SecondConvolution second) {
  first_ = register_module(
      "first", ConvNormAct(ConvNormActOptions{in_channels, out_channels, 3, options.normalization,
                                              options.batch_statistics}));
  if (second == SecondConvolution::kSplit) {
    SplitAttentionOptions split{out_channels, out_channels, options.attention.options.radix};
    split.normalization = options.normalization;
    split.statistics = options.batch_statistics;
    second_ = torch::nn::AnyModule(SplitAttention(split));
  } else {
    second_ = torch::nn::AnyModule(ConvNormAct(ConvNormActOptions{
        out_channels, out_channels, 3, options.normalization, options.batch_statistics}));
  }
  register_module("second", second_.ptr());
}

torch::Tensor DoubleConvolutionImpl::forward(const torch::Tensor& input) {
  return second_.forward(first_->forward(input));
}

DoubleConvolution UNet::make_block(const std::string& place, std::int64_t in_channels,
                                   std::int64_t out_channels) const {
  return DoubleConvolution(
      in_channels, out_channels, options_,
      attention_->replaces(place) ? SecondConvolution::kSplit : SecondConvolution::kPlain);
}

UNet::UNet(const NetworkOptions& options) : options_(options), attention_(options) {
  std::int64_t channels = options.in_channels;
  for (std::int64_t level = 0; level < options.depth; ++level) {
    const std::int64_t width = options.width << level;
    const std::string key = fmt::format("encoder{}", level);
    encoders_.push_back(register_module(
        key, make_block(level + 1 == options.depth ? "bottleneck" : key, channels, width)));
    channels = width;
  }
  for (std::int64_t level = options.depth - 2; level >= 0; --level) {
    const std::int64_t width = options.width << level;
    ups_.push_back(
        register_module(fmt::format("up{}", level),
                        torch::nn::ConvTranspose2d(
                            torch::nn::ConvTranspose2dOptions(2 * width, width, 2).stride(2))));
    const std::string key = fmt::format("decoder{}", level);
    decoders_.push_back(register_module(key, make_block(key, 2 * width, width)));
  }
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
  head_ = register_module(
      "head", torch::nn::Conv2d(torch::nn::Conv2dOptions(options.width, options.out_channels, 1)));
}

NetworkShape UNet::shape(const NetworkOptions& options) {
  NetworkShape shape = halving_shape(options);
  shape.blocks = NetworkShape::Blocks::kReplaceable;
  return shape;
}

NetworkOutputs UNet::outputs(const torch::Tensor& images) {
  check_images("model.unet", images, options_.in_channels, size_multiple());
  std::vector<torch::Tensor> skips;
  torch::Tensor features = images;
  for (std::int64_t level = 0; level < options_.depth; ++level) {
    const Stage encode = [this, level](const torch::Tensor& map, const torch::Tensor&) {
      return encoders_[static_cast<std::size_t>(level)]->forward(
          level > 0 ? torch::max_pool2d(map, 2) : map);
    };
    features = run_stage(options_.activations, encode, features);
    features = attention_->after_encoder(level, features);
    skips.push_back(features);
  }
  for (std::size_t i = 0; i < decoders_.size(); ++i) {
    skips.pop_back();
    const std::int64_t level = std::ssize(skips) - 1;
    const torch::Tensor skip = attention_->on_skip(level, skips.back(), features);
    const Stage decode = [this, i](const torch::Tensor& fine, const torch::Tensor& coarse) {
      return decoders_[i]->forward(torch::cat({fine, up_convolution(ups_[i], coarse)}, 1));
    };
    features = run_stage(options_.activations, decode, skip, features);
    features = attention_->after_decoder(level, features);
  }
  return {head_->forward(features), {}, features};
}

}  // namespace medsweep::models
