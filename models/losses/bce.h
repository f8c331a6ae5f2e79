#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// Binary cross-entropy of each class by itself, with logits:
/// sum over pixels and classes of log(1 + exp(x)) - x t, t = 1 where the pixel has the class.
/// Weight: counted pixels times classes. Part: "bce".
class BinaryCrossEntropy : public SegmentationLoss {
 public:
  BinaryCrossEntropy(const LossOptions& options, std::int64_t classes)
      : factor_(options.factor), classes_(classes) {}
  Losses operator()(const torch::Tensor& logits, const torch::Tensor& labels) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
  std::int64_t classes_;
};

}  // namespace medsweep::models
