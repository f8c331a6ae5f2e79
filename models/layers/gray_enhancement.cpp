#include "models/layers/gray_enhancement.h"

#include <fmt/format.h>

#include <stdexcept>

namespace medsweep::models {

GrayEnhancementImpl::GrayEnhancementImpl(const GrayEnhancementOptions& options) {
  if (options.channels < 1 || options.width < 1 || options.depth < 1)
    throw std::invalid_argument(
        fmt::format("[gray_enhancement] {} channels, width {}, depth {}; at least 1 is allowed",
                    options.channels, options.width, options.depth));
  blocks_ = register_module("blocks", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < options.depth; ++i) {
    ConvNormActOptions block{i == 0 ? options.channels : options.width, options.width};
    block.normalization = options.normalization;
    block.statistics = options.batch_statistics;
    convolutions_.emplace_back(block);
    blocks_->push_back(convolutions_.back());
  }
  output_ = register_module(
      "output", torch::nn::Conv2d(torch::nn::Conv2dOptions(options.width, options.channels, 1)));
}

torch::Tensor GrayEnhancementImpl::forward(const torch::Tensor& images) {
  torch::Tensor features = images;
  for (auto& convolution : convolutions_) features = convolution->forward(features);
  return images + output_->forward(features);
}

}  // namespace medsweep::models
