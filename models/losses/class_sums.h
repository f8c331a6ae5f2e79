#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// What predictions and truth have in common, over the pixels that count: [N, K] float32 each, of
/// the foreground classes, [N, K + 1] with the background. `overlap` and `predicted` are attached
/// to the graph of the logits.
struct ClassSums {
  torch::Tensor overlap;    ///< sum of p t
  torch::Tensor predicted;  ///< sum of p, or of p^2
  torch::Tensor truth;      ///< sum of t
};

/// p is the softmax's or sigmoid's probability. Background::kIncluded: of softmax alone.
ClassSums class_sums(const LossInput& input, const LossTask& task,
                     Background background = Background::kLeftOut,
                     DicePower power = DicePower::kPlain);

/// The softmax's or sigmoid's probabilities of the foreground classes, [N, K, ...], or with the
/// background first, [N, K + 1, ...].
torch::Tensor probabilities_of(const LossInput& input, const LossTask& task,
                               Background background = Background::kLeftOut);

/// Added above and below the fractions of Dice and its kin, as MONAI's losses have it.
inline constexpr double kOverlapSmoothing = 1e-5;

}  // namespace medsweep::models
