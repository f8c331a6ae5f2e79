#include "models/losses/losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/losses/bce.h"
#include "models/losses/boundary.h"
#include "models/losses/cbl.h"
#include "models/losses/contrastive.h"
#include "models/losses/cross_entropy.h"
#include "models/losses/dice.h"
#include "models/losses/dice_ce.h"
#include "models/losses/focal.h"
#include "models/losses/generalized_dice.h"
#include "models/losses/tversky.h"

namespace medsweep::models {
namespace {

using MakeLoss = std::unique_ptr<SegmentationLoss> (*)(const LossOptions&, const LossTask&);

std::unique_ptr<SegmentationLoss> make_bce(const LossOptions& options, const LossTask& task) {
  if (task.activation != Activation::kSigmoid)
    throw std::invalid_argument("[loss.bce] activation softmax; sigmoid is allowed");
  return std::make_unique<BinaryCrossEntropy>(options, task);
}

std::unique_ptr<SegmentationLoss> make_cross_entropy(const LossOptions& options,
                                                     const LossTask& task) {
  if (task.activation != Activation::kSoftmax)
    throw std::invalid_argument("[loss.cross_entropy] activation sigmoid; softmax is allowed");
  return std::make_unique<CrossEntropy>(options, task);
}

template <typename Loss>
std::unique_ptr<SegmentationLoss> make_either(const LossOptions& options, const LossTask& task) {
  return std::make_unique<Loss>(options, task);
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
    Entry<MakeLoss>{"boundary", "bound", "models/losses/boundary", make_either<Boundary>,
                    "distance of what is predicted to the true boundary (arXiv 1812.07032)"},
    Entry<MakeLoss>{"cbl", "cbl", "models/losses/cbl", make_either<CombinedLoss>,
                    "the zoo's: Dice of the batch and cross-entropy, classes weighed by the "
                    "validation's Dice"},
    Entry<MakeLoss>{"contrastive", "contr", "models/losses/contrastive", make_either<Contrastive>,
                    "draws features of a class together, beside another loss (arXiv 2004.11362)"},
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

std::int64_t LossTask::labels() const {
  std::int64_t highest = regions.empty() ? classes : 0;
  for (const auto& region : regions) highest = std::max(highest, std::ranges::max(region));
  return highest;
}

std::unique_ptr<SegmentationLoss> make_loss(const LossOptions& options, const LossTask& task) {
  const auto& entry = find("loss", kLosses, options.name);
  if (!(options.factor > 0) || !std::isfinite(options.factor))
    throw std::invalid_argument(fmt::format("[loss.{}] factor {}; positive numbers are allowed",
                                            options.name, options.factor));
  if (task.classes < 1)
    throw std::invalid_argument(
        fmt::format("[loss.{}] {} classes; at least 1 is allowed", options.name, task.classes));
  if (!task.regions.empty() &&
      (task.activation == Activation::kSoftmax || std::ssize(task.regions) != task.classes))
    throw std::invalid_argument(
        fmt::format("[loss.{}] {} regions of {} classes with {}; as many, with sigmoid, are "
                    "allowed: classes that overlap are each by itself",
                    options.name, task.regions.size(), task.classes,
                    task.activation == Activation::kSoftmax ? "softmax" : "sigmoid"));
  return entry.make(options, task);
}

std::vector<Row> loss_rows() { return rows_of(kLosses); }

}  // namespace medsweep::models
