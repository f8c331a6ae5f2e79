#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// Cross-entropy over background and K classes: sum over pixels of -w log softmax(x)[label], w the
/// weight of the label's class, 1 unless `class_weights` are given.
/// Weight: the sum of the counted pixels' w, as PyTorch's weighted mean. Part: "cross_entropy".
class CrossEntropy : public SegmentationLoss {
 public:
  /// Throws as class_weights_of.
  CrossEntropy(const LossOptions& options, const LossTask& task);
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
  torch::Tensor class_weights_;  ///< [K + 1], or undefined
};

/// `class_weights` as [K + 1] float32; undefined where none are given. Throws std::invalid_argument
/// for another number of them, or one below 0, or none above.
torch::Tensor class_weights_of(const LossOptions& options, const LossTask& task);

/// The sum over the counted pixels of the weights [K + 1] of their labels.
double weigh_pixels(const torch::Tensor& labels, const torch::Tensor& class_weights);

}  // namespace medsweep::models
