#pragma once

#include <torch/nn.h>

namespace medsweep::models {

struct FrozenBatchNorm2dOptions {
  std::int64_t channels;
  double eps = 1e-5;  ///< 0 for torchvision's COCO_V1 weights, which were trained so
};

/// y = (x - running_mean) / sqrt(running_var + eps) * weight + bias per channel, none of which is
/// ever trained: all four are buffers, called as torchvision's FrozenBatchNorm2d calls them.
/// Starts as the identity (but for eps).
///
/// Input and output [N, C, H, W] of one type (float32, bfloat16; buffers stay float32), contiguous
/// or channels-last. One pass over memory forward and one backward; the input is not kept.
/// Throws std::invalid_argument for fewer than one channel or eps < 0.
class FrozenBatchNorm2dImpl : public torch::nn::Module {
 public:
  explicit FrozenBatchNorm2dImpl(const FrozenBatchNorm2dOptions& options);
  torch::Tensor forward(const torch::Tensor& input);
  /// For weights that were trained with another one.
  void set_eps(double eps);

 private:
  double eps_ = 0;
  torch::Tensor weight_, bias_, running_mean_, running_var_;  // [C]
};
TORCH_MODULE(FrozenBatchNorm2d);

}  // namespace medsweep::models
