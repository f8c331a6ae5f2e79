#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// Soft Dice loss of each class, of the foreground alone or with the background:
/// 1 - (2 sum p t + s) / (sum p + sum t + s) with s = 1e-5, sums over counted pixels, the mean over
/// the classes, the sum over the samples. Milletari, Navab, Ahmadi: V-Net, 3DV 2016
/// (arXiv 1606.04797), whose sums in the denominator are of squares (DicePower::kSquared); s as
/// MONAI's DiceLoss.
/// Weight: samples. Part: "dice".
///
/// DiceOver::kBatch takes the sums over all samples of one forward and multiplies by their number:
/// per shard, so its value depends on how the global batch is cut into shards.
class Dice : public SegmentationLoss {
 public:
  /// Throws std::invalid_argument for the background of sigmoid, which has none.
  Dice(const LossOptions& options, const LossTask& task);
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
  DiceOver over_;
  DicePower power_;
  Background background_;
  LossTask task_;
};

}  // namespace medsweep::models
