#include "models/losses/losses.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "models/losses/bce.h"
#include "models/losses/cross_entropy.h"
#include "models/losses/dice.h"
#include "models/losses/dice_ce.h"
#include "models/losses/focal.h"
#include "models/losses/generalized_dice.h"
#include "models/losses/tversky.h"

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

template <typename Loss>
std::unique_ptr<SegmentationLoss> make_either(const LossOptions& options, std::int64_t classes,
                                              Activation activation) {
  return std::make_unique<Loss>(options, classes, activation);
}

constexpr std::array kLosses{
    Entry<MakeLoss>{"bce", "bce", "models/losses/bce", make_bce,
                    "binary cross-entropy of each class by itself (sigmoid)"},
    Entry<MakeLoss>{"cross_entropy", "ce", "models/losses/cross_entropy", make_cross_entropy,
                    "cross-entropy over background and classes (softmax)"},
    Entry<MakeLoss>{"dice", "dice", "models/losses/dice", make_either<Dice>,
                    "soft Dice of each sample and class"},
    Entry<MakeLoss>{"dice_ce", "dicece", "models/losses/dice_ce", make_either<DiceCrossEntropy>,
                    "Dice plus cross-entropy (softmax) or binary cross-entropy (sigmoid)"},
    Entry<MakeLoss>{"generalized_dice", "gdice", "models/losses/generalized_dice",
                    make_either<GeneralizedDice>,
                    "Dice in which small classes count as much as large (arXiv 1707.03237)"},
    Entry<MakeLoss>{"tversky", "tversky", "models/losses/tversky", make_either<Tversky>,
                    "Dice with a weight each for invented and missed pixels (arXiv 1706.05721)"},
    Entry<MakeLoss>{"focal_tversky", "ftversky", "models/losses/tversky", make_either<Tversky>,
                    "a root of it, which cares for what is far from right (arXiv 1810.07842)"},
    Entry<MakeLoss>{"focal", "focal", "models/losses/focal", make_either<Focal>,
                    "cross-entropy that cares for what is not right yet (arXiv 1708.02002)"},
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
