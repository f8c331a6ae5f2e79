#include "models/layers/up_convolution.h"

#include <vector>

namespace medsweep::models {

namespace {

// In the map's type, or adding would go through copies in float32.
torch::Tensor with_bias(torch::Tensor map, const torch::Tensor& bias) {
  if (!bias.defined()) return map;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(map.dim()), 1);
  shape[1] = -1;
  return map.add_(bias.to(map.scalar_type()).view(shape));
}

}  // namespace

torch::Tensor up_convolution(const torch::nn::ConvTranspose2d& layer, const torch::Tensor& x) {
  return with_bias(torch::conv_transpose2d(x, layer->weight, {}, layer->options.stride()),
                   layer->bias);
}

torch::Tensor up_convolution(const torch::nn::ConvTranspose3d& layer, const torch::Tensor& x) {
  return with_bias(torch::conv_transpose3d(x, layer->weight, {}, layer->options.stride()),
                   layer->bias);
}

}  // namespace medsweep::models
