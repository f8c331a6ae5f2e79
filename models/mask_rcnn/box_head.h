#pragma once

#include <torch/nn.h>

#include <memory>
#include <optional>

#include "models/attention/attention.h"
#include "models/mask_rcnn/convolution_stack.h"
#include "models/mask_rcnn/options.h"

namespace medsweep::models {

/// Pooled regions to one vector each: [R, C, S, S] -> [R, representation].
/// v1: two linear layers with ReLU, keys fc6.*, fc7.*. v2: four convolutions and one linear layer,
/// keys 0.0.weight ... 3.1.*, 5.*. Attention on the regions comes first: attention.*.
class BoxHeadImpl : public torch::nn::Module {
 public:
  explicit BoxHeadImpl(const MaskRcnnOptions& options);
  torch::Tensor forward(const torch::Tensor& regions);
  /// How the regions had best lie: contiguous where a linear layer takes them as they are.
  std::optional<MemoryLayout> region_layout() const;

 private:
  std::shared_ptr<Attention> attention_;
  std::unique_ptr<ConvolutionStack> stack_;
  torch::nn::Linear first_{nullptr}, second_{nullptr};
};
TORCH_MODULE(BoxHead);

/// Class logits [R, 1 + classes] and deltas for every class, background included,
/// [R, 4 (1 + classes)], both float32. Keys: cls_score.*, bbox_pred.*.
class BoxPredictorImpl : public torch::nn::Module {
 public:
  BoxPredictorImpl(std::int64_t channels, std::int64_t classes);
  std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& features);

 private:
  torch::nn::Linear cls_score_{nullptr}, bbox_pred_{nullptr};
};
TORCH_MODULE(BoxPredictor);

}  // namespace medsweep::models
