#include "models/segmentation/unet3d.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/nn/functional/upsampling.h>

#include <algorithm>
#include <stdexcept>

#include "models/layers/convolution3d.h"

namespace medsweep::models {
namespace {

std::vector<std::int64_t> widths_of(const NetworkOptions& options) {
  return options.widths.empty() ? std::vector<std::int64_t>{16, 32, 64, 128} : options.widths;
}

}  // namespace

DoubleConvolution3dImpl::DoubleConvolution3dImpl(std::int64_t in_channels, std::int64_t middle,
                                                 std::int64_t out_channels,
                                                 const NetworkOptions& options) {
  const auto convolution = [&](std::int64_t in, std::int64_t out) {
    return OrderedConvolution3d(OrderedConvolution3dOptions{
        .in_channels = in,
        .out_channels = out,
        .order = options.layer_order,
        .statistics = options.batch_statistics,
    });
  };
  first_ = register_module("first", convolution(in_channels, middle));
  second_ = register_module("second", convolution(middle, out_channels));
}

torch::Tensor DoubleConvolution3dImpl::forward(const torch::Tensor& volumes) {
  return second_->forward(first_->forward(volumes));
}

UNet3d::UNet3d(const NetworkOptions& options) : options_(options), attention_(options, 3) {
  const std::vector<std::int64_t> widths = widths_of(options);
  std::int64_t channels = options.in_channels;
  for (std::size_t level = 0; level < widths.size(); ++level) {
    const std::int64_t middle = std::max(widths[level] / 2, channels);
    encoders_.push_back(
        register_module(fmt::format("encoder{}", level),
                        DoubleConvolution3d(channels, middle, widths[level], options)));
    channels = widths[level];
  }
  for (std::size_t level = widths.size() - 1; level-- > 0;) {
    if (options.upsampling == Upsampling::kTransposed)
      ups_.push_back(register_module(
          fmt::format("up{}", level),
          torch::nn::ConvTranspose3d(
              torch::nn::ConvTranspose3dOptions(channels, channels, 2).stride(2).bias(false))));
    decoders_.push_back(register_module(
        fmt::format("decoder{}", level),
        DoubleConvolution3d(widths[level] + channels, widths[level], widths[level], options)));
    channels = widths[level];
  }
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
  head_ = register_module(
      "head", Convolution3d(torch::nn::Conv3dOptions(channels, options.out_channels, 1)));
}

NetworkShape UNet3d::shape(const NetworkOptions& options) {
  NetworkShape shape;
  shape.dimensions = 3;
  shape.encoder = widths_of(options);
  if (std::ranges::min(shape.encoder) < 1)
    throw std::invalid_argument(fmt::format("[model.unet3d] widths = [{}]; at least 1 is allowed",
                                            fmt::join(shape.encoder, ", ")));
  shape.skip = shape.decoder = {shape.encoder.begin(), shape.encoder.end() - 1};
  shape.decoder_start = shape.encoder.back();
  shape.smallest_side = std::int64_t{1} << shape.decoder.size();
  shape.largest_side = 2 * shape.smallest_side;
  if (options.upsampling == Upsampling::kTransposed) shape.size_multiple = shape.smallest_side;
  return shape;
}

torch::Tensor UNet3d::enlarge(std::size_t step, const torch::Tensor& features,
                              const torch::Tensor& skip) {
  if (!ups_.empty()) return up_convolution(ups_[step], features);
  return torch::upsample_nearest3d(features, skip.sizes().slice(2));
}

torch::Tensor UNet3d::forward(const torch::Tensor& volumes) {
  check_volumes("model.unet3d", volumes, options_.in_channels, shape(options_));
  std::vector<torch::Tensor> skips;
  torch::Tensor features = volumes;
  for (std::size_t level = 0; level < encoders_.size(); ++level) {
    const Stage encode = [this, level](const torch::Tensor& map, const torch::Tensor&) {
      return encoders_[level]->forward(level > 0 ? torch::max_pool3d(map, 2) : map);
    };
    features = run_stage(options_.activations, encode, features);
    features = attention_->after_encoder(static_cast<std::int64_t>(level), features);
    skips.push_back(features);
  }
  for (std::size_t i = 0; i < decoders_.size(); ++i) {
    skips.pop_back();
    const std::int64_t level = std::ssize(skips) - 1;
    const torch::Tensor skip = attention_->on_skip(level, skips.back(), features);
    const Stage decode = [this, i](const torch::Tensor& fine, const torch::Tensor& coarse) {
      return decoders_[i]->forward(torch::cat({fine, enlarge(i, coarse, fine)}, 1));
    };
    features = run_stage(options_.activations, decode, skip, features);
    features = attention_->after_decoder(level, features);
  }
  return head_->forward(features);
}

}  // namespace medsweep::models
