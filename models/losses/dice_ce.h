#pragma once

#include <memory>

#include "models/losses/losses.h"

namespace medsweep::models {

/// Dice plus cross-entropy (softmax) or binary cross-entropy (sigmoid), each with the same factor.
/// Their weights differ (samples, pixels), so there are two parts: "dice_ce.dice" and
/// "dice_ce.cross_entropy" or "dice_ce.bce".
class DiceCrossEntropy : public SegmentationLoss {
 public:
  DiceCrossEntropy(const LossOptions& options, const LossTask& task);
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  std::unique_ptr<SegmentationLoss> dice_, entropy_;
};

}  // namespace medsweep::models
