#include "models/losses/bce.h"

#include "models/losses/pixels.h"

namespace medsweep::models {

Losses BinaryCrossEntropy::operator()(const torch::Tensor& logits,
                                      const torch::Tensor& labels) const {
  const torch::Tensor sum = torch::binary_cross_entropy_with_logits(
      logits, class_maps(labels, classes_, logits), mask_of(labels), {}, at::Reduction::Sum);
  return {{"bce", {sum * factor_, weights(labels).at("bce")}}};
}

LossWeights BinaryCrossEntropy::weights(const torch::Tensor& labels) const {
  return {{"bce", static_cast<double>(count_pixels(labels) * classes_)}};
}

}  // namespace medsweep::models
