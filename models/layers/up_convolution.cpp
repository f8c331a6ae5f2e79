#include "models/layers/up_convolution.h"

namespace medsweep::models {

torch::Tensor up_convolution(const torch::nn::ConvTranspose2d& layer, const torch::Tensor& x) {
  return torch::conv_transpose2d(x, layer->weight, {}, layer->options.stride())
      .add_(layer->bias.view({1, -1, 1, 1}));
}

}  // namespace medsweep::models
