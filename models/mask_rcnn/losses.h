#pragma once

#include <torch/types.h>

#include <vector>

#include "models/mask_rcnn/stage_options.h"
#include "models/model.h"

namespace medsweep::models {

// The losses of Faster and Mask R-CNN, all float32, as sum and weight. Without candidates they are
// 0 times the prediction, which keeps them attached to the graph, with weight 0.

/// Binary cross-entropy. logits, labels: [n] float32; weight n.
Loss objectness_loss(const torch::Tensor& logits, const torch::Tensor& labels);

/// Smooth L1 (Huber; Girshick: Fast R-CNN, ICCV 2015): 0.5 d^2 / beta below beta, else
/// d - 0.5 beta, over the positives. predicted, wanted: [p, 4] deltas; weight `sampled`, or 4 p.
Loss box_loss(const torch::Tensor& predicted, const torch::Tensor& wanted, std::int64_t sampled,
              const BoxLossOptions& options);

/// Cross-entropy. logits: [n, 1 + classes], labels: [n] int64; weight n.
Loss class_loss(const torch::Tensor& logits, const torch::Tensor& labels);

/// Binary cross-entropy per pixel. logits, targets: [p, M, M] in 0...1; weight p M M.
Loss mask_loss(const torch::Tensor& logits, const torch::Tensor& targets);

/// factor x the sum over `tensors` of their mean square; weight 1.
Loss mean_square_loss(const std::vector<torch::Tensor>& tensors, double factor);

}  // namespace medsweep::models
