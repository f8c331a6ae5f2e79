#include "models/losses/dice.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/losses/class_sums.h"

namespace medsweep::models {

Dice::Dice(const LossOptions& options, const LossTask& task)
    : factor_(options.factor),
      over_(options.over),
      power_(options.power),
      background_(options.background),
      task_(task) {
  if (background_ == Background::kIncluded && task.activation == Activation::kSigmoid)
    throw std::invalid_argument(fmt::format(
        "[loss.{}] the background of sigmoid; background = true is allowed with softmax",
        options.name));
}

Losses Dice::operator()(const LossInput& input) const {
  const ClassSums sums = class_sums(input, task_, background_, power_);
  torch::Tensor overlap = sums.overlap, total = sums.predicted + sums.truth;  // [N, K]
  if (over_ == DiceOver::kBatch) {
    overlap = overlap.sum(0, true);
    total = total.sum(0, true);
  }
  const torch::Tensor loss = 1 - (2 * overlap + kOverlapSmoothing) / (total + kOverlapSmoothing);
  const double weight = weights(input.labels).at("dice");
  const double copies = over_ == DiceOver::kBatch ? weight : 1;
  return {{"dice", {loss.mean(1).sum() * (factor_ * copies), weight}}};
}

LossWeights Dice::weights(const torch::Tensor& labels) const {
  return {{"dice", static_cast<double>(labels.size(0))}};
}

}  // namespace medsweep::models
