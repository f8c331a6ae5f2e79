#include "models/layers/up_convolution.h"

namespace medsweep::models {

torch::Tensor up_convolution(const torch::nn::ConvTranspose2d& layer, const torch::Tensor& x) {
  torch::Tensor map = torch::conv_transpose2d(x, layer->weight, {}, layer->options.stride());
  return layer->bias.defined() ? map.add_(layer->bias.view({1, -1, 1, 1})) : map;
}

torch::Tensor up_convolution(const torch::nn::ConvTranspose3d& layer, const torch::Tensor& x) {
  torch::Tensor map = torch::conv_transpose3d(x, layer->weight, {}, layer->options.stride());
  return layer->bias.defined() ? map.add_(layer->bias.view({1, -1, 1, 1, 1})) : map;
}

}  // namespace medsweep::models
