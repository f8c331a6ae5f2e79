#pragma once

#include <torch/torch.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "models/layers/batch_norm.h"
#include "models/mask_rcnn/mask_rcnn.h"
#include "tests/models/golden_numbers.h"

/// The values of parameters and buffers of tests/golden/mask_rcnn.py.
namespace medsweep::models::golden {

inline std::map<std::string, torch::Tensor> sorted_parameters(torch::nn::Module& model) {
  std::map<std::string, torch::Tensor> sorted;
  for (const auto& parameter : model.named_parameters())
    sorted[parameter.key()] = parameter.value();
  return sorted;
}

inline double gain_of(const std::string& key, double score_gain) {
  const auto has = [&](const char* part) { return key.find(part) != std::string::npos; };
  if (has("bbox_pred")) return 0.02;
  if (has("cls_score")) return score_gain;
  if (has("cls_logits")) return 0.05;
  return has("mask_fcn_logits") ? 0.2 : 1;
}

/// Values with which no ReLU decides near 0; see calm_values of mask_rcnn.py.
inline torch::Tensor calm_values(const std::string& key, const torch::Tensor& values,
                                 double first_gain) {
  if (values.dim() == 1 && key.ends_with(".weight")) return 0.05 + 0.01 * values;
  if (values.dim() == 1) {
    const torch::Tensor off = torch::arange(values.size(0)).remainder(4) == 3;
    return torch::where(off, -1.0, 1.0) * (1 + 0.2 * values);
  }
  bool first = false;
  for (const char* layer : {"roi_heads.box_head.fc6", "roi_heads.box_head.0",
                            "roi_heads.mask_head.0.0", "rpn.head.conv.0"})
    first = first || key.starts_with(layer);
  const auto fan_in = static_cast<double>(values.numel() / values.size(0));
  return (first ? first_gain : 0.1) * std::sqrt(6 / fan_in) * values;
}

inline bool feeds_relu(const std::string& key) {
  for (const char* part : {"backbone.body", "rpn.head.conv", "roi_heads.box_head",
                           "roi_heads.mask_head", "roi_heads.mask_predictor.conv5_mask"})
    if (key.starts_with(part)) return key.find("running") == std::string::npos;
  return false;
}

/// Fills parameters and buffers, in the order of their keys, as mask_rcnn.py does; with calm ones
/// where `first_gain` is given.
inline void fill_rcnn(torch::nn::Module& model, std::uint32_t step = 0, double score_gain = 0.05,
                      std::optional<double> first_gain = {}) {
  torch::NoGradGuard no_grad;
  auto sorted = sorted_parameters(model);
  for (const auto& buffer : model.named_buffers())
    if (!buffer.key().ends_with("num_batches_tracked")) sorted[buffer.key()] = buffer.value();
  std::uint32_t index = 0;
  for (auto& [key, tensor] : sorted) {
    const torch::Tensor values = uniform(kWeights + index++ + 1000 * step, tensor.sizes());
    if (first_gain && feeds_relu(key))
      tensor.copy_(calm_values(key, values, *first_gain));
    else if (key.ends_with("running_var"))
      tensor.copy_(1 + 0.5 * values);
    else if (tensor.dim() == 1 && key.ends_with(".weight"))
      tensor.copy_(0.5 + 0.1 * values);
    else if (tensor.dim() == 1)
      tensor.copy_(0.1 * values);
    else
      tensor.copy_(gain_of(key, score_gain) *
                   std::sqrt(6 / static_cast<double>(tensor.numel() / tensor.size(0))) * values);
  }
}

/// Gives the running statistics of `frozen` those of the batch in `batchwise`, of the same layers.
inline void take_batch_statistics(torch::nn::Module& frozen, MaskRcnn& batchwise,
                                  const datasets::Batch& batch) {
  torch::NoGradGuard no_grad;
  auto statistics = batchwise.named_buffers();
  for (auto& buffer : statistics) buffer.value().zero_();
  batchwise.train();
  batchwise.loss(batch);
  for (auto& buffer : frozen.named_buffers())
    if (buffer.key().find("running") != std::string::npos)
      buffer.value().copy_(statistics[buffer.key()] / BatchNorm2dOptions{1}.momentum);
}

}  // namespace medsweep::models::golden
