#pragma once

#include <torch/nn/modules/conv.h>

namespace medsweep::models {

/// layer->forward(x) of a layer of nothing but kernel, stride and perhaps bias, which is added
/// outside of the convolution: oneDNN computes the gradient of a transposed convolution's bias with
/// its reference code (2 % of a U-Net's step in bfloat16).
///
/// x: [N, C, (D,) H, W] -> [N, C', (D',) H', W'] in the type that autocast gives the convolution.
torch::Tensor up_convolution(const torch::nn::ConvTranspose2d& layer, const torch::Tensor& x);
torch::Tensor up_convolution(const torch::nn::ConvTranspose3d& layer, const torch::Tensor& x);

}  // namespace medsweep::models
