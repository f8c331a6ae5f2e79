#include "models/losses/dice_ce.h"

#include "models/losses/bce.h"
#include "models/losses/cross_entropy.h"
#include "models/losses/dice.h"

namespace medsweep::models {
namespace {

constexpr const char* kDiceCePrefix = "dice_ce.";

}  // namespace

DiceCrossEntropy::DiceCrossEntropy(const LossOptions& options, std::int64_t classes,
                                   Activation activation)
    : dice_(std::make_unique<Dice>(options, classes, activation)) {
  if (activation == Activation::kSigmoid)
    entropy_ = std::make_unique<BinaryCrossEntropy>(options, classes);
  else
    entropy_ = std::make_unique<CrossEntropy>(options);
}

Losses DiceCrossEntropy::operator()(const torch::Tensor& logits,
                                    const torch::Tensor& labels) const {
  Losses parts;
  for (const auto* loss : {dice_.get(), entropy_.get()})
    for (auto& [name, part] : (*loss)(logits, labels)) parts[kDiceCePrefix + name] = part;
  return parts;
}

LossWeights DiceCrossEntropy::weights(const torch::Tensor& labels) const {
  LossWeights parts;
  for (const auto* loss : {dice_.get(), entropy_.get()})
    for (const auto& [name, weight] : loss->weights(labels)) parts[kDiceCePrefix + name] = weight;
  return parts;
}

}  // namespace medsweep::models
