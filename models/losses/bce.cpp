#include "models/losses/bce.h"

#include "models/losses/pixels.h"

namespace medsweep::models {

Losses BinaryCrossEntropy::operator()(const LossInput& input) const {
  const torch::Tensor sum = torch::binary_cross_entropy_with_logits(
      input.logits, class_maps(input, task_), mask_of(input.labels), {}, at::Reduction::Sum);
  return {{"bce", {sum * factor_, weights(input.labels).at("bce")}}};
}

LossWeights BinaryCrossEntropy::weights(const torch::Tensor& labels) const {
  return {{"bce", static_cast<double>(count_pixels(labels) * task_.classes)}};
}

}  // namespace medsweep::models
