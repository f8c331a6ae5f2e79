#include "models/segmentation/vnet_original.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "models/layers/convolution3d.h"
#include "models/segmentation/vnet.h"

namespace medsweep::models {
namespace {

constexpr std::size_t kSteps = 4;  // halvings

torch::nn::PReLU prelu_of(std::int64_t channels) {
  return torch::nn::PReLU(torch::nn::PReLUOptions().num_parameters(channels));
}

ConvNormPrelu3d stage_convolution(std::int64_t channels, const NetworkOptions& options) {
  const Convolution3d convolution(
      torch::nn::Conv3dOptions(channels, channels, 5).padding(2).bias(false));
  return ConvNormPrelu3d(torch::nn::AnyModule(convolution), channels, options);
}

ConvNormPrelu3d halving(std::int64_t in, std::int64_t out, const NetworkOptions& options) {
  const Convolution3d convolution(torch::nn::Conv3dOptions(in, out, 2).stride(2).bias(false));
  return ConvNormPrelu3d(torch::nn::AnyModule(convolution), out, options);
}

ConvNormPrelu3d doubling(std::int64_t in, std::int64_t out, const NetworkOptions& options) {
  const torch::nn::ConvTranspose3d convolution(
      torch::nn::ConvTranspose3dOptions(in, out, 2).stride(2).bias(false));
  return ConvNormPrelu3d(torch::nn::AnyModule(convolution), out, options);
}

/// Of the stages; `otherwise` where none are given.
std::vector<std::int64_t> convolutions_of(const char* option,
                                          const std::vector<std::int64_t>& counts,
                                          const std::vector<std::int64_t>& otherwise) {
  if (counts.empty()) return otherwise;
  if (counts.size() != kSteps || std::ranges::min(counts) < 1)
    throw std::invalid_argument(
        fmt::format("[model.vnet_original.{}] [{}]; four numbers of at least 1 are allowed", option,
                    fmt::join(counts, ", ")));
  return counts;
}

}  // namespace

ConvNormPrelu3dImpl::ConvNormPrelu3dImpl(torch::nn::AnyModule convolution, std::int64_t channels,
                                         const NetworkOptions& options)
    : convolution_(std::move(convolution)) {
  register_module("convolution", convolution_.ptr());
  normalization_ = register_module(
      "normalization", BatchNorm2d(BatchNorm2dOptions{channels, options.batch_statistics}));
  activation_ = register_module("activation", prelu_of(channels));
}

torch::Tensor ConvNormPrelu3dImpl::forward(const torch::Tensor& volumes) {
  return normalization_->forward_rectified(convolution_.forward(volumes),
                                           {.slopes = activation_->weight});
}

VNetStageImpl::VNetStageImpl(std::int64_t channels, std::int64_t count,
                             const NetworkOptions& options) {
  for (std::int64_t i = 0; i < count; ++i)
    convolutions_.push_back(
        register_module(fmt::format("convolution{}", i), stage_convolution(channels, options)));
  activation_ = register_module("activation", prelu_of(channels));
}

torch::Tensor VNetStageImpl::forward(const torch::Tensor& volumes) {
  torch::Tensor features = volumes;
  for (ConvNormPrelu3d& convolution : convolutions_) features = convolution->forward(features);
  return rectified(features + volumes, {.slopes = activation_->weight});
}

VNetOriginal::VNetOriginal(const NetworkOptions& options)
    : options_(options), attention_(options, 3) {
  const auto down = convolutions_of("down_convolutions", options.down_convolutions, {2, 3, 3, 3});
  const auto up = convolutions_of("up_convolutions", options.up_convolutions, {3, 3, 2, 1});
  const std::vector<std::int64_t> widths = doubled_widths(options.width, kSteps + 1);
  input_ = register_module(
      "input",
      Convolution3d(
          torch::nn::Conv3dOptions(options.in_channels, options.width, 5).padding(2).bias(false)));
  input_normalization_ =
      register_module("input_normalization",
                      BatchNorm2d(BatchNorm2dOptions{options.width, options.batch_statistics}));
  input_activation_ = register_module("input_activation", prelu_of(options.width));
  for (std::size_t level = 1; level <= kSteps; ++level) {
    downs_.push_back(register_module(fmt::format("down{}", level),
                                     halving(widths[level - 1], widths[level], options)));
    encoders_.push_back(register_module(fmt::format("encoder{}", level),
                                        VNetStage(widths[level], down[level - 1], options)));
  }
  std::int64_t channels = widths.back();
  for (std::size_t level = kSteps; level-- > 0;) {
    ups_.push_back(
        register_module(fmt::format("up{}", level), doubling(channels, widths[level], options)));
    channels = 2 * widths[level];
    decoders_.push_back(register_module(fmt::format("decoder{}", level),
                                        VNetStage(channels, up[kSteps - 1 - level], options)));
  }
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
  head_ = register_module(
      "head", Convolution3d(torch::nn::Conv3dOptions(channels, options.out_channels, 1)));
}

NetworkShape VNetOriginal::shape(const NetworkOptions& options) {
  NetworkShape shape;
  shape.dimensions = 3;
  shape.size_multiple = shape.smallest_side = std::int64_t{1} << kSteps;
  shape.largest_side = 2 * shape.smallest_side;
  shape.encoder = doubled_widths(options.width, kSteps + 1);
  shape.skip = doubled_widths(options.width, kSteps);
  shape.decoder = doubled_widths(2 * options.width, kSteps);
  shape.decoder_start = shape.encoder.back();
  return shape;
}

torch::Tensor VNetOriginal::first_stage(const torch::Tensor& volumes) {
  const torch::Tensor features = input_normalization_->forward(input_->forward(volumes));
  return input_activation_->forward(features + repeat_channels(volumes, options_.width));
}

torch::Tensor VNetOriginal::forward(const torch::Tensor& volumes) {
  check_volumes("model.vnet_original", volumes, options_.in_channels, shape(options_));
  std::vector<torch::Tensor> skips{attention_->after_encoder(0, first_stage(volumes))};
  for (std::size_t i = 0; i < kSteps; ++i) {
    const Stage encode = [this, i](const torch::Tensor& map, const torch::Tensor&) {
      return encoders_[i]->forward(downs_[i]->forward(map));
    };
    skips.push_back(attention_->after_encoder(
        std::ssize(skips), run_stage(options_.activations, encode, skips.back())));
  }
  torch::Tensor features = skips.back();
  for (std::size_t i = 0; i < kSteps; ++i) {
    skips.pop_back();
    const std::int64_t level = std::ssize(skips) - 1;
    const torch::Tensor skip = attention_->on_skip(level, skips.back(), features);
    const Stage decode = [this, i](const torch::Tensor& fine, const torch::Tensor& coarse) {
      return decoders_[i]->forward(torch::cat({ups_[i]->forward(coarse), fine}, 1));
    };
    features = run_stage(options_.activations, decode, skip, features);
    features = attention_->after_decoder(level, features);
  }
  return head_->forward(features);
}

}  // namespace medsweep::models
