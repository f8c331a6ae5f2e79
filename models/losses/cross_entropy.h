#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// Cross-entropy over background and K classes: sum over pixels of -log softmax(x)[label].
/// Weight: counted pixels. Part: "cross_entropy".
class CrossEntropy : public SegmentationLoss {
 public:
  explicit CrossEntropy(const LossOptions& options) : factor_(options.factor) {}
  Losses operator()(const torch::Tensor& logits, const torch::Tensor& labels) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
};

}  // namespace medsweep::models
