#include "models/segmentation/anatomy_net.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "models/layers/up_convolution.h"

namespace medsweep::models {
namespace {

constexpr double kLeak = 0.01;
constexpr std::int64_t kUpReduction = 16;
// Of the stem and the three pairs of blocks behind it, all at half the size.
constexpr std::array<std::int64_t, 4> kAnatomyWidths{28, 30, 32, 34};
constexpr std::int64_t kLastWidth = 14;

Convolution3d anatomy_convolution(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                  std::int64_t stride = 1) {
  return Convolution3d(
      torch::nn::Conv3dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

torch::Tensor leaky(const torch::Tensor& x) { return torch::leaky_relu(x, kLeak); }

}  // namespace

ResidualExcitation3dImpl::ResidualExcitation3dImpl(const ResidualExcitationOptions& options) {
  const std::int64_t in = options.in_channels, out = options.out_channels;
  const auto norm = [&](const char* name) {
    return register_module(name, BatchNorm2d(BatchNorm2dOptions{out, options.statistics}));
  };
  first_ = register_module("first", anatomy_convolution(in, out, 3));
  first_norm_ = norm("first_norm");
  second_ = register_module("second", anatomy_convolution(out, out, 3));
  second_norm_ = norm("second_norm");
  if (options.reduction > 0) {
    const std::int64_t within = std::max<std::int64_t>(out / options.reduction, 1);
    squeeze_ = register_module("squeeze", torch::nn::Linear(out, within));
    excite_ = register_module("excite", torch::nn::Linear(within, out));
  }
  if (in == out) return;
  shortcut_ = register_module("shortcut", anatomy_convolution(in, out, options.shortcut_kernel));
  shortcut_norm_ = norm("shortcut_norm");
}

torch::Tensor ResidualExcitation3dImpl::forward(const torch::Tensor& volumes) {
  torch::Tensor features = first_norm_->forward_rectified(first_->forward(volumes), {kLeak});
  features = second_norm_->forward(second_->forward(features));
  if (!squeeze_.is_empty()) {
    const torch::Tensor squeezed = leaky(squeeze_->forward(features.mean({2, 3, 4})));
    const torch::Tensor weights = torch::sigmoid(excite_->forward(squeezed));
    features = features * weights.reshape({features.size(0), features.size(1), 1, 1, 1});
  }
  const torch::Tensor shortcut =
      shortcut_.is_empty() ? volumes : shortcut_norm_->forward(shortcut_->forward(volumes));
  return leaky(features + shortcut);
}

AnatomyNet::AnatomyNet(const NetworkOptions& options) : options_(options), attention_(options, 3) {
  const auto block = [&](const std::string& name, std::int64_t in, std::int64_t out,
                         std::int64_t reduction) {
    return register_module(name, ResidualExcitation3d(ResidualExcitationOptions{
                                     .in_channels = in,
                                     .out_channels = out,
                                     .reduction = reduction,
                                     .statistics = options.batch_statistics,
                                 }));
  };
  const std::int64_t stem = kAnatomyWidths[0], reduction = ResidualExcitationOptions{}.reduction;
  stem_ = register_module("stem", anatomy_convolution(options.in_channels, stem, 3, 2));
  stem_norm_ =
      register_module("stem_norm", BatchNorm2d(BatchNorm2dOptions{stem, options.batch_statistics}));
  for (std::size_t level = 1; level < kAnatomyWidths.size(); ++level) {
    const std::int64_t in = kAnatomyWidths[level - 1], out = kAnatomyWidths[level];
    encoders_.push_back(block(fmt::format("encoder{}_1", level), in, out, reduction));
    encoders_.push_back(block(fmt::format("encoder{}_2", level), out, out, reduction));
  }
  std::int64_t channels = kAnatomyWidths.back();
  for (std::size_t level = kAnatomyWidths.size() - 1; level-- > 0;) {
    const std::int64_t out = kAnatomyWidths[level];
    decoders_.push_back(
        block(fmt::format("decoder{}_1", level), channels + out, out, kUpReduction));
    decoders_.push_back(block(fmt::format("decoder{}_2", level), out, out, reduction));
    channels = out;
  }
  up_ = register_module("up",
                        torch::nn::ConvTranspose3d(
                            torch::nn::ConvTranspose3dOptions(channels, kLastWidth, 2).stride(2)));
  last_ = register_module("last", ResidualExcitation3d(ResidualExcitationOptions{
                                      .in_channels = kLastWidth + options.in_channels,
                                      .out_channels = kLastWidth,
                                      .reduction = 0,
                                      .shortcut_kernel = 3,
                                      .statistics = options.batch_statistics,
                                  }));
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
  head_ = register_module(
      "head",
      Convolution3d(torch::nn::Conv3dOptions(kLastWidth, options.out_channels, 3).padding(1)));
}

NetworkShape AnatomyNet::shape(const NetworkOptions& options) {
  NetworkShape shape;
  shape.dimensions = 3;
  shape.size_multiple = shape.smallest_side = 2;
  // A gate halves its skip.
  if (attention_traits(options.attention.name).role == AttentionRole::kGate)
    shape.smallest_side = 4;
  shape.largest_side = 2 * shape.smallest_side;
  shape.encoder = {kAnatomyWidths.begin(), kAnatomyWidths.end()};
  shape.skip = shape.decoder = {kAnatomyWidths.begin(), kAnatomyWidths.end() - 1};
  shape.decoder_start = shape.encoder.back();
  shape.halvings.assign(shape.encoder.size(), 1);
  return shape;
}

torch::Tensor AnatomyNet::forward(const torch::Tensor& volumes) {
  check_volumes("model.anatomynet", volumes, options_.in_channels, shape(options_));
  torch::Tensor features = stem_norm_->forward_rectified(stem_->forward(volumes), {kLeak});
  std::vector<torch::Tensor> skips{attention_->after_encoder(0, features)};
  for (std::size_t i = 0; i < encoders_.size(); i += 2) {
    features = encoders_[i + 1]->forward(encoders_[i]->forward(skips.back()));
    skips.push_back(attention_->after_encoder(std::ssize(skips), features));
  }
  features = skips.back();
  for (std::size_t i = 0; i < decoders_.size(); i += 2) {
    skips.pop_back();
    const std::int64_t level = std::ssize(skips) - 1;
    const torch::Tensor skip = attention_->on_skip(level, skips.back(), features);
    features = decoders_[i + 1]->forward(decoders_[i]->forward(torch::cat({features, skip}, 1)));
    features = attention_->after_decoder(level, features);
  }
  return head_->forward(last_->forward(torch::cat({up_convolution(up_, features), volumes}, 1)));
}

}  // namespace medsweep::models
