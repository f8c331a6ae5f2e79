#include "models/losses/generalized_dice.h"

#include "models/losses/class_sums.h"

namespace medsweep::models {

Losses GeneralizedDice::operator()(const LossInput& input) const {
  const auto [overlap, predicted, truth] = class_sums(input, task_);
  const torch::Tensor absent = truth == 0;                                           // [N, K]
  const torch::Tensor own = torch::where(absent, 0, truth.square().reciprocal());    // [N, K]
  const torch::Tensor class_weights = torch::where(absent, own.amax(1, true), own);  // [N, K]
  const torch::Tensor above = 2 * (class_weights * overlap).sum(1) + kOverlapSmoothing;
  const torch::Tensor below =
      (class_weights * (predicted + truth)).sum(1) + kOverlapSmoothing;  // [N]
  const torch::Tensor loss = (1 - above / below).sum() * factor_;
  return {{"generalized_dice", {loss, weights(input.labels).at("generalized_dice")}}};
}

LossWeights GeneralizedDice::weights(const torch::Tensor& labels) const {
  return {{"generalized_dice", static_cast<double>(labels.size(0))}};
}

}  // namespace medsweep::models
