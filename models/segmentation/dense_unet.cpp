#include "models/segmentation/dense_unet.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "models/layers/convolution3d.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kStemWidth = 96;
constexpr std::int64_t kBottleneckFactor = 4;
constexpr double kDenseEps = 1.1e-5;

torch::nn::AnyModule dense_convolution(std::int64_t dimensions, std::int64_t in, std::int64_t out,
                                       std::int64_t kernel, std::int64_t stride = 1) {
  if (dimensions == 2)
    return torch::nn::AnyModule(torch::nn::Conv2d(
        torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false)));
  return torch::nn::AnyModule(Convolution3d(
      torch::nn::Conv3dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false)));
}

BatchNorm2d dense_norm(std::int64_t channels, const DenseUNetOptions& options) {
  return BatchNorm2d(BatchNorm2dOptions{channels, options.statistics, kDenseEps});
}

torch::Tensor enlarged_to(const torch::Tensor& features, const std::vector<std::int64_t>& sides) {
  return features.dim() == 5 ? torch::upsample_nearest3d(features, sides)
                             : torch::upsample_nearest2d(features, sides);
}

}  // namespace

DenseUNetLayerImpl::DenseUNetLayerImpl(std::int64_t in_channels, const DenseUNetOptions& options) {
  const std::int64_t inner = kBottleneckFactor * options.growth;
  norm1_ = register_module("norm1", dense_norm(in_channels, options));
  conv1_ = dense_convolution(options.dimensions, in_channels, inner, 1);
  register_module("conv1", conv1_.ptr());
  norm2_ = register_module("norm2", dense_norm(inner, options));
  conv2_ = dense_convolution(options.dimensions, inner, options.growth, 3);
  register_module("conv2", conv2_.ptr());
}

torch::Tensor DenseUNetLayerImpl::forward(const torch::Tensor& features) {
  torch::Tensor added = conv1_.forward(norm1_->forward_rectified(features, relu()));
  added = conv2_.forward(norm2_->forward_rectified(added, relu()));
  return torch::cat({features, added}, 1);
}

std::vector<std::int64_t> DenseUNetImpl::encoder_widths(const DenseUNetOptions& options) {
  std::vector<std::int64_t> widths{kStemWidth};
  std::int64_t channels = kStemWidth;
  for (std::size_t i = 0; i < options.blocks.size(); ++i) {
    channels += options.blocks[i] * options.growth;
    widths.push_back(channels);
    if (i + 1 < options.blocks.size()) channels /= 2;
  }
  return widths;
}

DenseUNetImpl::DenseUNetImpl(const DenseUNetOptions& options) : options_(options) {
  const auto convolution = [&](const std::string& name, std::int64_t in, std::int64_t out,
                               std::int64_t kernel, std::int64_t stride = 1) {
    torch::nn::AnyModule made = dense_convolution(options.dimensions, in, out, kernel, stride);
    register_module(name, made.ptr());
    return made;
  };
  const auto norm = [&](const std::string& name, std::int64_t channels) {
    return register_module(name, dense_norm(channels, options));
  };
  const std::vector<std::int64_t> widths = encoder_widths(options);
  stem_ = convolution("stem", options.in_channels, kStemWidth, 7, 2);
  stem_norm_ = norm("stem_norm", kStemWidth);
  std::int64_t channels = kStemWidth;
  for (std::size_t i = 0; i < options.blocks.size(); ++i) {
    blocks_.emplace_back();
    for (std::int64_t layer = 0; layer < options.blocks[i]; ++layer, channels += options.growth)
      blocks_.back().push_back(register_module(fmt::format("block{}_layer{}", i, layer),
                                               DenseUNetLayer(channels, options)));
    if (i + 1 == options.blocks.size()) break;
    transition_norms_.push_back(norm(fmt::format("transition{}_norm", i), channels));
    transitions_.push_back(
        convolution(fmt::format("transition{}_conv", i), channels, channels / 2, 1));
    channels /= 2;
  }
  norm_ = norm("norm", channels);
  if (options.skips == DenseUNetOptions::Skips::kSummed)
    line_ = convolution("line", widths[widths.size() - 2], channels, 1);
  for (std::size_t i = 0; i < options.decoders.size(); ++i) {
    ups_.push_back(convolution(fmt::format("up{}_conv", i), channels, options.decoders[i], 3));
    channels = options.decoders[i];
    up_norms_.push_back(norm(fmt::format("up{}_norm", i), channels));
  }
}

torch::Tensor DenseUNetImpl::block(std::size_t index, torch::Tensor features) {
  for (DenseUNetLayer& layer : blocks_[index]) features = layer->forward(features);
  return features;
}

torch::Tensor DenseUNetImpl::forward(const torch::Tensor& images, const AtPlace& at) {
  const bool deep = options_.dimensions == 3;
  const auto passed = [&at](const std::string& place, const torch::Tensor& features) {
    return at ? at(place, features) : features;
  };
  std::vector<torch::Tensor> levels{images};  // by size, the full one first
  levels.push_back(
      passed("encoder0", stem_norm_->forward_rectified(stem_.forward(images), relu())));
  torch::Tensor features =
      deep ? torch::max_pool3d(levels.back(), 3, 2, 1) : torch::max_pool2d(levels.back(), 3, 2, 1);
  for (std::size_t i = 0; i < transitions_.size(); ++i) {
    levels.push_back(passed(fmt::format("encoder{}", i + 1), block(i, features)));
    features =
        transitions_[i].forward(transition_norms_[i]->forward_rectified(levels.back(), relu()));
    features = deep ? torch::avg_pool3d(features, {1, 2, 2}) : torch::avg_pool2d(features, 2);
  }
  features = norm_->forward_rectified(block(transitions_.size(), features), relu());
  features = passed("bottleneck", features);
  for (std::size_t i = 0; i < ups_.size(); ++i) {
    const std::size_t level = levels.size() - 1 - i;
    features = enlarged_to(features, levels[level].sizes().slice(2).vec());
    if (options_.skips == DenseUNetOptions::Skips::kSummed && level > 0)
      features = features + (i == 0 ? line_.forward(levels[level]) : levels[level]);
    features = up_norms_[i]->forward_rectified(ups_[i].forward(features), relu());
    if (level > 0) features = passed(fmt::format("decoder{}", level - 1), features);
  }
  return features;
}

}  // namespace medsweep::models
