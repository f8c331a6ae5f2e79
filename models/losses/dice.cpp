#include "models/losses/dice.h"

#include "models/losses/class_sums.h"

namespace medsweep::models {

Losses Dice::operator()(const torch::Tensor& logits, const torch::Tensor& labels) const {
  const ClassSums sums = class_sums(logits, labels, classes_, activation_);
  torch::Tensor overlap = sums.overlap, total = sums.predicted + sums.truth;  // [N, K]
  if (over_ == DiceOver::kBatch) {
    overlap = overlap.sum(0, true);
    total = total.sum(0, true);
  }
  const torch::Tensor loss = 1 - (2 * overlap + kOverlapSmoothing) / (total + kOverlapSmoothing);
  const double weight = weights(labels).at("dice");
  const double copies = over_ == DiceOver::kBatch ? weight : 1;
  return {{"dice", {loss.mean(1).sum() * (factor_ * copies), weight}}};
}

LossWeights Dice::weights(const torch::Tensor& labels) const {
  return {{"dice", static_cast<double>(labels.size(0))}};
}

}  // namespace medsweep::models
