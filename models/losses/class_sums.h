#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// What predictions and truth have in common, over the pixels that count: [N, K] float32 each, of
/// the foreground classes. `overlap` and `predicted` are attached to the graph of the logits.
struct ClassSums {
  torch::Tensor overlap;    ///< sum of p t
  torch::Tensor predicted;  ///< sum of p
  torch::Tensor truth;      ///< sum of t
};

/// logits, labels: as of SegmentationLoss. p is the softmax's or sigmoid's probability.
ClassSums class_sums(const torch::Tensor& logits, const torch::Tensor& labels, std::int64_t classes,
                     Activation activation);

/// Added above and below the fractions of Dice and its kin, as MONAI's losses have it.
inline constexpr double kOverlapSmoothing = 1e-5;

}  // namespace medsweep::models
