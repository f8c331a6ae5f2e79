#pragma once

#include <torch/nn.h>

#include "models/layers/random_layer.h"

namespace medsweep::models {

/// Sets each number to 0 with a probability while training, and multiplies the others by
/// 1 / (1 - probability); the identity in evaluation.
/// Srivastava et al.: Dropout, JMLR 15, 2014.
///
/// [N, ...] float32 or bfloat16, any memory format -> the same; what a sample loses follows from
/// its random key alone. Throws std::invalid_argument for a probability outside [0, 1).
class DropoutImpl : public torch::nn::Module, public RandomLayer {
 public:
  explicit DropoutImpl(double probability);
  torch::Tensor forward(const torch::Tensor& features);

 private:
  double probability_;
};
TORCH_MODULE(Dropout);

}  // namespace medsweep::models
