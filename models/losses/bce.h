#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// Binary cross-entropy of each class by itself, with logits:
/// sum over pixels and classes of log(1 + exp(x)) - x t, t = 1 where the pixel has the class.
/// Weight: counted pixels times classes. Part: "bce".
class BinaryCrossEntropy : public SegmentationLoss {
 public:
  BinaryCrossEntropy(const LossOptions& options, const LossTask& task)
      : factor_(options.factor), task_(task) {}
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
  LossTask task_;
};

}  // namespace medsweep::models
