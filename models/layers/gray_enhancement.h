#pragma once

#include <torch/nn.h>

#include <string>
#include <vector>

#include "models/layers/conv_norm_act.h"

namespace medsweep::models {

struct GrayEnhancementOptions {
  std::int64_t channels = 1;            ///< of the images
  std::int64_t width = 16;              ///< channels within
  std::int64_t depth = 4;               ///< 3x3 convolutions
  std::string normalization = "batch";  ///< a row of normalization_rows()
  BatchStatistics batch_statistics = BatchStatistics::kSynchronized;
};

/// What a network may learn to do to a grey image before its backbone sees it: x plus a 1x1
/// convolution (width -> channels, with bias) of `depth` times 3x3 convolution, normalisation and
/// ReLU of x. Heart's; no paper. [N, channels, H, W] -> the same shape.
/// Keys: blocks.i.convolution.*, blocks.i.normalization.*, output.*.
class GrayEnhancementImpl : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument for fewer than one channel, width or depth.
  explicit GrayEnhancementImpl(const GrayEnhancementOptions& options);
  torch::Tensor forward(const torch::Tensor& images);

 private:
  torch::nn::ModuleList blocks_;
  std::vector<ConvNormAct> convolutions_;
  torch::nn::Conv2d output_{nullptr};
};
TORCH_MODULE(GrayEnhancement);

}  // namespace medsweep::models
