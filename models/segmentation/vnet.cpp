#include "models/segmentation/vnet.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "models/layers/up_convolution.h"

namespace medsweep::models {
namespace {

constexpr std::array<std::int64_t, 4> kEncoderConvolutions{1, 2, 3, 3};
constexpr std::array<std::int64_t, 4> kDecoderConvolutions{1, 2, 3, 3};  // by level
constexpr std::size_t kVNetLevels = kEncoderConvolutions.size();

OrderedConvolution3dOptions convolution_options(std::int64_t in, std::int64_t out,
                                                const NetworkOptions& options) {
  return {.in_channels = in,
          .out_channels = out,
          .order = options.layer_order,
          .kernel_size = 5,
          .statistics = options.batch_statistics};
}

OrderedConvolution3d halving_convolution(std::int64_t in, std::int64_t out,
                                         const NetworkOptions& options) {
  OrderedConvolution3dOptions halving = convolution_options(in, out, options);
  halving.kernel_size = halving.stride = 2;
  return OrderedConvolution3d(halving);
}

}  // namespace

ResidualStage3dImpl::ResidualStage3dImpl(std::int64_t in_channels, std::int64_t out_channels,
                                         std::int64_t count, const NetworkOptions& options) {
  for (std::int64_t i = 0; i < count; ++i)
    convolutions_.push_back(
        register_module(fmt::format("convolution{}", i),
                        OrderedConvolution3d(convolution_options(
                            i == 0 ? in_channels : out_channels, out_channels, options))));
  activation_ = register_module(
      "activation", torch::nn::PReLU(torch::nn::PReLUOptions().num_parameters(out_channels)));
}

torch::Tensor ResidualStage3dImpl::forward(torch::Tensor features, const torch::Tensor& residual) {
  for (OrderedConvolution3d& convolution : convolutions_) features = convolution->forward(features);
  return rectified(features + residual, {.slopes = activation_->weight});
}

torch::Tensor repeat_channels(const torch::Tensor& volumes, std::int64_t count) {
  const std::int64_t own = volumes.size(1);
  if (own == count) return volumes;
  const torch::Tensor order = torch::arange(count, volumes.device()) % own;
  return volumes.index_select(1, order);
}

VNet::VNet(const NetworkOptions& options) : options_(options), attention_(options, 3) {
  const std::vector<std::int64_t> widths = doubled_widths(options.width, kVNetLevels),
                                  halves = shape(options).decoder;
  std::int64_t channels = options.in_channels;
  for (std::size_t level = 0; level < kVNetLevels; ++level) {
    encoders_.push_back(register_module(
        fmt::format("encoder{}", level),
        ResidualStage3d(channels, halves[level], kEncoderConvolutions[level], options)));
    downs_.push_back(register_module(fmt::format("down{}", level),
                                     halving_convolution(halves[level], widths[level], options)));
    channels = widths[level];
  }
  bottleneck_ = register_module(
      "bottleneck", OrderedConvolution3d(convolution_options(channels, channels, options)));
  for (std::size_t level = kVNetLevels; level-- > 0;) {
    ups_.push_back(register_module(
        fmt::format("up{}", level),
        torch::nn::ConvTranspose3d(
            torch::nn::ConvTranspose3dOptions(channels, halves[level], 2).stride(2))));
    decoders_.push_back(register_module(
        fmt::format("decoder{}", level),
        ResidualStage3d(2 * halves[level], halves[level], kDecoderConvolutions[level], options)));
    channels = halves[level];
  }
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
  head_ = register_module(
      "head", Convolution3d(torch::nn::Conv3dOptions(channels, options.out_channels, 1)));
}

NetworkShape VNet::shape(const NetworkOptions& options) {
  if (options.width % 2 != 0)
    throw std::invalid_argument(
        fmt::format("[model.vnet] width {}; even ones are allowed", options.width));
  NetworkShape shape;
  shape.dimensions = 3;
  shape.size_multiple = shape.smallest_side = std::int64_t{1} << kVNetLevels;
  shape.largest_side = 2 * shape.smallest_side;
  shape.skip = shape.decoder = doubled_widths(options.width / 2, kVNetLevels);
  shape.encoder = shape.skip;
  shape.encoder.push_back(shape.decoder_start = options.width << (kVNetLevels - 1));
  return shape;
}

torch::Tensor VNet::forward(const torch::Tensor& volumes) {
  check_volumes("model.vnet", volumes, options_.in_channels, shape(options_));
  std::vector<torch::Tensor> skips;
  torch::Tensor features = volumes;
  for (std::size_t level = 0; level < kVNetLevels; ++level) {
    const std::int64_t half = (options_.width << level) / 2;
    const Stage encode = [this, level, half](const torch::Tensor& map, const torch::Tensor&) {
      return encoders_[level]->forward(map, repeat_channels(map, half));
    };
    features = run_stage(options_.activations, encode, features);
    features = attention_->after_encoder(static_cast<std::int64_t>(level), features);
    skips.push_back(features);
    features = downs_[level]->forward(features);
  }
  features = attention_->after_encoder(kVNetLevels, bottleneck_->forward(features));
  for (std::size_t i = 0; i < kVNetLevels; ++i) {
    const std::int64_t level = std::ssize(skips) - 1;
    const torch::Tensor skip = attention_->on_skip(level, skips.back(), features);
    const Stage decode = [this, i](const torch::Tensor& fine, const torch::Tensor& coarse) {
      const torch::Tensor up = up_convolution(ups_[i], coarse);
      return decoders_[i]->forward(torch::cat({fine, up}, 1), up);
    };
    features = run_stage(options_.activations, decode, skip, features);
    features = attention_->after_decoder(level, features);
    skips.pop_back();
  }
  return head_->forward(features);
}

}  // namespace medsweep::models
