#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// Soft Dice loss of the foreground classes (the background is not included):
/// 1 - (2 sum p t + s) / (sum p + sum t + s) with s = 1e-5, sums over counted pixels, the mean over
/// the classes, the sum over the samples. Milletari, Navab, Ahmadi: V-Net, 3DV 2016
/// (arXiv 1606.04797), without squares in the denominator; s as MONAI's DiceLoss.
/// Weight: samples. Part: "dice".
///
/// DiceOver::kBatch takes the sums over all samples of one forward and multiplies by their number:
/// per shard, so its value depends on how the global batch is cut into shards.
class Dice : public SegmentationLoss {
 public:
  Dice(const LossOptions& options, std::int64_t classes, Activation activation)
      : factor_(options.factor), over_(options.over), classes_(classes), activation_(activation) {}
  Losses operator()(const torch::Tensor& logits, const torch::Tensor& labels) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
  DiceOver over_;
  std::int64_t classes_;
  Activation activation_;
};

}  // namespace medsweep::models
