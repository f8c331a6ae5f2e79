#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// (1 - (tp + s) / (tp + alpha fp + beta fn + s))^(1 / gamma) of the foreground classes, with
/// tp = sum p t, fp = sum p (1 - t), fn = sum (1 - p) t over counted pixels and s = 1e-5; the mean
/// over the classes, the sum over the samples. Dice weighs both errors 0.5; a larger beta makes
/// missed pixels dearer than invented ones.
/// Salehi, Erdogmus, Gholipour: Tversky loss, MLMI 2017 (arXiv 1706.05721); with gamma above 1 it
/// is the focal Tversky loss of Abraham and Khan, ISBI 2019 (arXiv 1810.07842), whose alpha and
/// beta are the other way round.
/// Weight: samples. Part: the loss's own name, "tversky" or "focal_tversky".
class Tversky : public SegmentationLoss {
 public:
  /// Throws std::invalid_argument for alpha or beta below 0, both 0, or gamma below 1.
  Tversky(const LossOptions& options, const LossTask& task);
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  LossOptions options_;
  LossTask task_;
};

}  // namespace medsweep::models
