#pragma once

#include "models/losses/cross_entropy.h"
#include "models/losses/dice.h"
#include "models/losses/losses.h"

namespace medsweep::models {

/// The attention zoo's combined loss: the mean over background and classes of the Dice loss over
/// the whole batch, plus cross-entropy with a weight a class. Softmax alone.
///
/// Until the first evaluation (always with ClassWeighting::kFixed) the cross-entropy is the mean
/// weighted by `class_weights`, 1 each unless given. From then on, as AdaBoost turns to what is
/// still wrong, class c weighs
///   (median - m) / (dice_c - m), m = the least Dice - 0.05,
/// of the validation's mean Dice of the foreground classes, the background 0, and the sum is
/// divided by all counted pixels. (Its original took the Dice of the training samples.) A class
/// whose Dice is undefined weighs 1.
///
/// Buffers, kept in checkpoints under losses.cbl: class_weights [K + 1]; adapted [], 1 once they
/// come from an evaluation.
/// Weights: as of Dice over the batch; the pixels' weights, or counted pixels. Parts: "cbl.dice",
/// "cbl.cross_entropy".
class CombinedLoss : public SegmentationLoss {
 public:
  /// Throws std::invalid_argument for sigmoid, or as CrossEntropy.
  CombinedLoss(const LossOptions& options, const LossTask& task);
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;
  void observe_dice(const std::vector<double>& dice) override;
  std::shared_ptr<torch::nn::Module> module() const override { return state_; }

 private:
  ClassWeighting weighting_;
  double factor_;
  Dice dice_;
  std::shared_ptr<torch::nn::Module> state_;
  torch::Tensor class_weights_, adapted_;  ///< of state_
};

}  // namespace medsweep::models
