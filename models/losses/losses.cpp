#include "models/losses/losses.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "models/losses/bce.h"
#include "models/losses/cross_entropy.h"
#include "models/losses/dice.h"
#include "models/losses/dice_ce.h"

namespace medsweep::models {
namespace {

using MakeLoss = std::unique_ptr<SegmentationLoss> (*)(const LossOptions&, std::int64_t,
                                                       Activation);

std::unique_ptr<SegmentationLoss> make_bce(const LossOptions& options, std::int64_t classes,
                                           Activation activation) {
  if (activation != Activation::kSigmoid)
    throw std::invalid_argument("[loss.bce] activation softmax; sigmoid is allowed");
  return std::make_unique<BinaryCrossEntropy>(options, classes);
}

std::unique_ptr<SegmentationLoss> make_cross_entropy(const LossOptions& options, std::int64_t,
                                                     Activation activation) {
  if (activation != Activation::kSoftmax)
    throw std::invalid_argument("[loss.cross_entropy] activation sigmoid; softmax is allowed");
  return std::make_unique<CrossEntropy>(options);
}

std::unique_ptr<SegmentationLoss> make_dice(const LossOptions& options, std::int64_t classes,
                                            Activation activation) {
  return std::make_unique<Dice>(options, classes, activation);
}

std::unique_ptr<SegmentationLoss> make_dice_ce(const LossOptions& options, std::int64_t classes,
                                               Activation activation) {
  return std::make_unique<DiceCrossEntropy>(options, classes, activation);
}

constexpr std::array kLosses{
    Entry<MakeLoss>{"bce", "bce", "models/losses/bce", make_bce,
                    "binary cross-entropy of each class by itself (sigmoid)"},
    Entry<MakeLoss>{"cross_entropy", "ce", "models/losses/cross_entropy", make_cross_entropy,
                    "cross-entropy over background and classes (softmax)"},
    Entry<MakeLoss>{"dice", "dice", "models/losses/dice", make_dice,
                    "soft Dice of each sample and class"},
    Entry<MakeLoss>{"dice_ce", "dicece", "models/losses/dice_ce", make_dice_ce,
                    "Dice plus cross-entropy (softmax) or binary cross-entropy (sigmoid)"},
};
static_assert(names_are_unique(kLosses));

}  // namespace

Activation activation_of(std::string_view name) {
  if (name == "softmax") return Activation::kSoftmax;
  if (name == "sigmoid") return Activation::kSigmoid;
  throw std::invalid_argument(fmt::format("[activation] '{}'; softmax, sigmoid are allowed", name));
}

DiceOver dice_over_of(std::string_view name) {
  if (name == "sample") return DiceOver::kSample;
  if (name == "batch") return DiceOver::kBatch;
  throw std::invalid_argument(
      fmt::format("[loss.dice] over '{}'; sample, batch are allowed", name));
}

std::unique_ptr<SegmentationLoss> make_loss(const LossOptions& options, std::int64_t classes,
                                            Activation activation) {
  const auto& entry = find("loss", kLosses, options.name);
  if (!(options.factor > 0) || !std::isfinite(options.factor))
    throw std::invalid_argument(fmt::format("[loss.{}] factor {}; positive numbers are allowed",
                                            options.name, options.factor));
  if (classes < 1)
    throw std::invalid_argument(
        fmt::format("[loss.{}] {} classes; at least 1 is allowed", options.name, classes));
  return entry.make(options, classes, activation);
}

std::vector<Row> loss_rows() { return rows_of(kLosses); }

}  // namespace medsweep::models
