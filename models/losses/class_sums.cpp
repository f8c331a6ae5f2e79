#include "models/losses/class_sums.h"

#include "models/losses/pixels.h"

namespace medsweep::models {

ClassSums class_sums(const torch::Tensor& logits, const torch::Tensor& labels, std::int64_t classes,
                     Activation activation) {
  torch::Tensor probabilities = activation == Activation::kSigmoid
                                    ? torch::sigmoid(logits)
                                    : torch::softmax(logits, 1).narrow(1, 1, classes);
  if (const torch::Tensor mask = mask_of(labels); mask.defined())
    probabilities = probabilities * mask;
  const torch::Tensor maps = class_maps(labels, classes, logits);
  return {(probabilities * maps).sum({2, 3}), probabilities.sum({2, 3}), maps.sum({2, 3})};
}

}  // namespace medsweep::models
