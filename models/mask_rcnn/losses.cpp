#include "models/mask_rcnn/losses.h"

#include <torch/torch.h>

namespace medsweep::models {
namespace {

constexpr auto kSummed = at::Reduction::Sum;

}  // namespace

Loss objectness_loss(const torch::Tensor& logits, const torch::Tensor& labels) {
  return {torch::binary_cross_entropy_with_logits(logits, labels, {}, {}, kSummed),
          static_cast<double>(logits.numel())};
}

Loss box_loss(const torch::Tensor& predicted, const torch::Tensor& wanted, std::int64_t sampled,
              const BoxLossOptions& options) {
  const std::int64_t weight =
      options.mean == BoxLossMean::kOverPositives ? predicted.numel() : sampled;
  return {torch::smooth_l1_loss(predicted, wanted, kSummed, options.beta),
          static_cast<double>(weight)};
}

Loss class_loss(const torch::Tensor& logits, const torch::Tensor& labels) {
  return {torch::cross_entropy_loss(logits, labels, {}, kSummed),
          static_cast<double>(logits.size(0))};
}

Loss mask_loss(const torch::Tensor& logits, const torch::Tensor& targets) {
  return {torch::binary_cross_entropy_with_logits(logits, targets, {}, {}, kSummed),
          static_cast<double>(logits.numel())};
}

Loss mean_square_loss(const std::vector<torch::Tensor>& tensors, double factor) {
  torch::Tensor sum = torch::zeros({});
  for (const auto& tensor : tensors) sum = sum + tensor.square().mean();
  return {sum * factor, 1};
}

}  // namespace medsweep::models
