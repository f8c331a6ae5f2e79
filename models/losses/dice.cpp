#include "models/losses/dice.h"

#include "models/losses/pixels.h"

namespace medsweep::models {
namespace {

constexpr double kDiceSmoothing = 1e-5;

}  // namespace

Losses Dice::operator()(const torch::Tensor& logits, const torch::Tensor& labels) const {
  torch::Tensor probabilities = activation_ == Activation::kSigmoid
                                    ? torch::sigmoid(logits)
                                    : torch::softmax(logits, 1).narrow(1, 1, classes_);
  if (const torch::Tensor mask = mask_of(labels); mask.defined())
    probabilities = probabilities * mask;
  const torch::Tensor maps = class_maps(labels, classes_, logits);
  torch::Tensor overlap = (probabilities * maps).sum({2, 3});          // [N, K]
  torch::Tensor total = probabilities.sum({2, 3}) + maps.sum({2, 3});  // [N, K]
  if (over_ == DiceOver::kBatch) {
    overlap = overlap.sum(0, true);
    total = total.sum(0, true);
  }
  const torch::Tensor loss = 1 - (2 * overlap + kDiceSmoothing) / (total + kDiceSmoothing);
  const double weight = weights(labels).at("dice");
  const double copies = over_ == DiceOver::kBatch ? weight : 1;
  return {{"dice", {loss.mean(1).sum() * (factor_ * copies), weight}}};
}

LossWeights Dice::weights(const torch::Tensor& labels) const {
  return {{"dice", static_cast<double>(labels.size(0))}};
}

}  // namespace medsweep::models
