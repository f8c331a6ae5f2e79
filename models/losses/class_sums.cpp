#include "models/losses/class_sums.h"

#include "models/losses/pixels.h"

namespace medsweep::models {

torch::Tensor probabilities_of(const LossInput& input, const LossTask& task,
                               Background background) {
  if (task.activation == Activation::kSigmoid) return torch::sigmoid(input.logits);
  const torch::Tensor all = torch::softmax(input.logits, 1);
  return background == Background::kIncluded ? all : all.narrow(1, 1, task.classes);
}

ClassSums class_sums(const LossInput& input, const LossTask& task, Background background,
                     DicePower power) {
  torch::Tensor probabilities = probabilities_of(input, task, background);
  if (const torch::Tensor mask = mask_of(input.labels); mask.defined())
    probabilities = probabilities * mask;
  const torch::Tensor maps = class_maps(input, task, background);
  const std::vector<std::int64_t> axes = pixel_axes(input.logits);
  const torch::Tensor predicted =
      power == DicePower::kSquared ? probabilities.square() : probabilities;
  return {(probabilities * maps).sum(axes), predicted.sum(axes), maps.sum(axes)};
}

}  // namespace medsweep::models
