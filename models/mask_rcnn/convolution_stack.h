#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <vector>

#include "models/layers/batch_norm.h"
#include "models/mask_rcnn/policies.h"

namespace medsweep::models {

struct ConvolutionStackOptions {
  std::int64_t in_channels;
  std::int64_t channels;
  std::int64_t count;
  RcnnVersion normalization = RcnnVersion::kV1;  ///< v1: none and a bias; v2: batch normalisation
  BatchStatistics statistics = BatchStatistics::kSynchronized;
};

/// `count` times 3x3 convolution, perhaps normalisation, ReLU: [N, in, H, W] -> [N, channels, H,
/// W]. The blocks are children of `parent`, called "0", "1" ...: keys 0.0.weight, 0.0.bias (or
/// 0.1.*).
class ConvolutionStack {
 public:
  ConvolutionStack(torch::nn::Module& parent, const ConvolutionStackOptions& options);
  torch::Tensor forward(torch::Tensor features);

 private:
  std::vector<torch::nn::Sequential> blocks_;
};

}  // namespace medsweep::models
