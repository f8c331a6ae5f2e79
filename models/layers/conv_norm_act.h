#pragma once

#include <torch/nn.h>

#include <string>

#include "models/layers/normalization.h"

namespace medsweep::models {

struct ConvNormActOptions {
  std::int64_t in_channels;
  std::int64_t out_channels;
  std::int64_t kernel_size = 3;         ///< odd; height and width are kept
  std::string normalization = "batch";  ///< a row of normalization_rows()
  BatchStatistics statistics = BatchStatistics::kSynchronized;
};

/// ReLU(normalisation(convolution(x))). The convolution has a bias only where no normalisation
/// follows. [N, in, H, W] -> [N, out, H, W]. Throws std::invalid_argument for an even kernel.
/// Keys: convolution.*, normalization.*.
class ConvNormActImpl : public torch::nn::Module {
 public:
  explicit ConvNormActImpl(const ConvNormActOptions& options);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  torch::nn::Conv2d convolution_{nullptr};
  torch::nn::AnyModule normalization_;
};
TORCH_MODULE(ConvNormAct);

}  // namespace medsweep::models
