#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// -(1 - q)^gamma log q, q the probability of what is true: cross-entropy in which pixels that are
/// right already count little. Softmax: over background and K classes, weight the counted pixels.
/// Sigmoid: each class by itself, weight the counted pixels times classes.
/// Lin et al.: Focal Loss, ICCV 2017 (arXiv 1708.02002), without its class weight. Part: "focal".
class Focal : public SegmentationLoss {
 public:
  /// Throws std::invalid_argument for gamma below 0.
  Focal(const LossOptions& options, const LossTask& task);
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_, gamma_;
  LossTask task_;
};

}  // namespace medsweep::models
