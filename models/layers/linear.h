#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/types.h>

namespace medsweep::models {

/// What `layer` makes of `input` [n, in]: [n, out], differentiable. Large float32 layers on a CPU
/// are multiplied by oneDNN, in the forward pass and in both products of the backward pass: on AMD
/// processors it is faster than the library behind torch::linear.
torch::Tensor linear(const torch::Tensor& input, torch::nn::Linear& layer);

}  // namespace medsweep::models
