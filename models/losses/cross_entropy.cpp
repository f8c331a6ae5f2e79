#include "models/losses/cross_entropy.h"

#include "datasets/batch.h"
#include "models/losses/pixels.h"

namespace medsweep::models {

Losses CrossEntropy::operator()(const torch::Tensor& logits, const torch::Tensor& labels) const {
  const torch::Tensor sum =
      at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum, datasets::kIgnored);
  return {{"cross_entropy", {sum * factor_, weights(labels).at("cross_entropy")}}};
}

LossWeights CrossEntropy::weights(const torch::Tensor& labels) const {
  return {{"cross_entropy", static_cast<double>(count_pixels(labels))}};
}

}  // namespace medsweep::models
