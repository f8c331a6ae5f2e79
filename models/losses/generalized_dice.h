#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// 1 - (2 sum_k w_k sum p t + s) / (sum_k w_k (sum p + sum t) + s) over the foreground classes of
/// a sample, w_k = 1 / (sum t)^2 and s = 1e-5: rare classes count as much as large ones. A class
/// without pixels takes the largest weight of the sample's others, 0 where it has none.
/// Sudre et al.: Generalised Dice overlap, DLMIA 2017 (arXiv 1707.03237), as MONAI's
/// GeneralizedDiceLoss without the background.
/// Weight: samples. Part: "generalized_dice".
class GeneralizedDice : public SegmentationLoss {
 public:
  GeneralizedDice(const LossOptions& options, const LossTask& task)
      : factor_(options.factor), task_(task) {}
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
  LossTask task_;
};

}  // namespace medsweep::models
