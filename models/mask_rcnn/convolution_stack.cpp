#include "models/mask_rcnn/convolution_stack.h"

#include <string>

#include "models/layers/normalization.h"

namespace medsweep::models {

ConvolutionStack::ConvolutionStack(torch::nn::Module& parent,
                                   const ConvolutionStackOptions& options) {
  const bool plain = options.normalization == RcnnVersion::kV1;
  for (std::int64_t i = 0; i < options.count; ++i) {
    torch::nn::Sequential block;
    block->push_back(
        torch::nn::Conv2d(torch::nn::Conv2dOptions(i == 0 ? options.in_channels : options.channels,
                                                   options.channels, 3)
                              .padding(1)
                              .bias(plain)));
    if (!plain) {
      NormalizationOptions normalization{options.channels};
      normalization.statistics = options.statistics;
      block->push_back(make_normalization("batch", normalization));
    }
    blocks_.push_back(parent.register_module(std::to_string(i), block));
  }
}

torch::Tensor ConvolutionStack::forward(torch::Tensor features) {
  for (auto& block : blocks_) features = block->forward(features).relu_();
  return features;
}

}  // namespace medsweep::models
