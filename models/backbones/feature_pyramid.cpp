#include "models/backbones/feature_pyramid.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/layers/normalization.h"

namespace medsweep::models {
namespace {

torch::nn::Sequential pyramid_block(const torch::nn::Conv2dOptions& convolution,
                                    const FeaturePyramidOptions& options) {
  const bool plain = options.normalization == "none";
  torch::nn::Conv2dOptions layer = convolution;
  torch::nn::Sequential block;
  block->push_back(torch::nn::Conv2d(layer.bias(plain)));
  if (!plain)
    block->push_back(make_normalization(options.normalization,
                                        {layer.out_channels(), options.batch_statistics}));
  return block;
}

void check_pyramid(const FeaturePyramidOptions& options) {
  const bool bad_input =
      options.in_channels.empty() ||
      *std::min_element(options.in_channels.begin(), options.in_channels.end()) < 1;
  if (bad_input || options.channels < 1 || options.out_channels < 0)
    throw std::invalid_argument(
        fmt::format("[feature_pyramid] maps of {{{}}} channels to {} and {}; at least one map and "
                    "one channel are allowed",
                    fmt::join(options.in_channels, ", "), options.channels, options.out_channels));
}

}  // namespace

FeaturePyramidImpl::FeaturePyramidImpl(const FeaturePyramidOptions& options)
    : out_channels_(options.out_channels > 0 ? options.out_channels : options.channels) {
  check_pyramid(options);
  inner_blocks_ = register_module("inner_blocks", torch::nn::ModuleList());
  layer_blocks_ = register_module("layer_blocks", torch::nn::ModuleList());
  for (const std::int64_t channels : options.in_channels) {
    inner_.push_back(
        pyramid_block(torch::nn::Conv2dOptions(channels, options.channels, 1), options));
    layer_.push_back(pyramid_block(
        torch::nn::Conv2dOptions(options.channels, out_channels_, 3).padding(1), options));
    inner_blocks_->push_back(inner_.back());
    layer_blocks_->push_back(layer_.back());
  }
  if (!options.attention) return;
  const auto modules = register_module("attention", std::make_shared<torch::nn::Module>());
  for (std::size_t i = 0; i < options.in_channels.size(); ++i)
    attention_.push_back(
        modules->register_module(std::to_string(i), options.attention->make(out_channels_)));
}

std::vector<torch::Tensor> FeaturePyramidImpl::forward(const std::vector<torch::Tensor>& maps) {
  if (maps.size() != inner_.size())
    throw std::invalid_argument(
        fmt::format("[feature_pyramid] {} maps; {} are allowed", maps.size(), inner_.size()));
  std::vector<torch::Tensor> pyramid(maps.size() + 1);
  torch::Tensor sum;
  for (std::size_t i = maps.size(); i-- > 0;) {
    const torch::Tensor lateral = inner_[i]->forward(maps[i]);
    sum = sum.defined() ? lateral + torch::upsample_nearest2d(sum, lateral.sizes().slice(2))
                        : lateral;
    pyramid[i] = layer_[i]->forward(sum);
    if (!attention_.empty()) pyramid[i] = attention_[i]->forward(pyramid[i]);
  }
  pyramid.back() = torch::max_pool2d(pyramid[maps.size() - 1], 1, 2);
  return pyramid;
}

}  // namespace medsweep::models
