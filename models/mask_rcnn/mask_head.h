#pragma once

#include <torch/nn.h>

#include <memory>

#include "models/attention/attention.h"
#include "models/mask_rcnn/convolution_stack.h"
#include "models/mask_rcnn/options.h"

namespace medsweep::models {

/// Four convolutions: [R, C, S, S] -> the same shape. Keys 0.0.weight, 0.0.bias ... (v2: 0.1.*);
/// attention at their end: attn.*.
class MaskHeadImpl : public torch::nn::Module {
 public:
  explicit MaskHeadImpl(const MaskRcnnOptions& options);
  torch::Tensor forward(const torch::Tensor& regions);

 private:
  std::unique_ptr<ConvolutionStack> stack_;
  std::shared_ptr<Attention> attention_;
};
TORCH_MODULE(MaskHead);

/// A mask per class, twice as fine: [R, C, S, S] -> logits [R, 1 + classes, 2 S, 2 S] float32.
/// Keys: conv5_mask.*, mask_fcn_logits.*.
class MaskPredictorImpl : public torch::nn::Module {
 public:
  MaskPredictorImpl(std::int64_t channels, std::int64_t classes);
  torch::Tensor forward(const torch::Tensor& features);

 private:
  torch::nn::ConvTranspose2d conv5_mask_{nullptr};
  torch::nn::Conv2d mask_fcn_logits_{nullptr};
};
TORCH_MODULE(MaskPredictor);

}  // namespace medsweep::models
