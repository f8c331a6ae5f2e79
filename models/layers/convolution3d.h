#pragma once

#include <torch/nn.h>

namespace medsweep::models {

/// torch's Conv3d, with its keys. Where autocast would run it in bfloat16 on the CPU and the volume
/// has fewer slices than the kernel, it stays in float32: of such a volume oneDNN's gradient of the
/// kernel reads memory that nobody has written (PyTorch 2.11), so that training is not repeatable
/// and now and then not finite.
///
/// On the CPU oneDNN computes volumes of any size (torch gives small single ones in float32 to a
/// loop of its own, which takes several times as long). Kernels that are contiguous beside
/// channels-last volumes (see set_memory_layout) keep their layout.
///
/// [N, in, D, H, W] -> [N, out, D', H', W'].
class Convolution3dImpl : public torch::nn::Conv3dImpl {
 public:
  using torch::nn::Conv3dImpl::Conv3dImpl;
  torch::Tensor forward(const torch::Tensor& volumes);
};
TORCH_MODULE(Convolution3d);

}  // namespace medsweep::models
