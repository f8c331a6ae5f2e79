#pragma once

#include <torch/nn.h>

#include "models/backbones/backbones.h"

namespace medsweep::models {

/// The normalisation that the options say.
torch::nn::AnyModule backbone_normalization(std::int64_t channels, const BackboneOptions& options);

/// A convolution of odd kernel, padded so that stride 1 keeps the size, without bias.
torch::nn::Conv2dOptions backbone_kernel(std::int64_t in, std::int64_t out, std::int64_t size,
                                         std::int64_t stride = 1);

}  // namespace medsweep::models
