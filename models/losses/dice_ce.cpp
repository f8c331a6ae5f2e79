#include "models/losses/dice_ce.h"

#include "models/losses/bce.h"
#include "models/losses/cross_entropy.h"
#include "models/losses/dice.h"

namespace medsweep::models {
namespace {

constexpr const char* kDiceCePrefix = "dice_ce.";

LossOptions without_weights(LossOptions options) {
  options.class_weights.clear();
  return options;
}

}  // namespace

DiceCrossEntropy::DiceCrossEntropy(const LossOptions& options, const LossTask& task)
    : dice_(std::make_unique<Dice>(options, task)) {
  if (task.activation == Activation::kSigmoid)
    entropy_ = std::make_unique<BinaryCrossEntropy>(options, task);
  else
    entropy_ = std::make_unique<CrossEntropy>(without_weights(options), task);
}

Losses DiceCrossEntropy::operator()(const LossInput& input) const {
  Losses parts;
  for (const auto* loss : {dice_.get(), entropy_.get()})
    for (auto& [name, part] : (*loss)(input)) parts[kDiceCePrefix + name] = part;
  return parts;
}

LossWeights DiceCrossEntropy::weights(const torch::Tensor& labels) const {
  LossWeights parts;
  for (const auto* loss : {dice_.get(), entropy_.get()})
    for (const auto& [name, weight] : loss->weights(labels)) parts[kDiceCePrefix + name] = weight;
  return parts;
}

}  // namespace medsweep::models
