#include "models/losses/cross_entropy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "datasets/batch.h"
#include "models/losses/pixels.h"

namespace medsweep::models {

CrossEntropy::CrossEntropy(const LossOptions& options, const LossTask& task)
    : factor_(options.factor), class_weights_(class_weights_of(options, task)) {}

Losses CrossEntropy::operator()(const LossInput& input) const {
  const torch::Tensor sum = at::cross_entropy_loss(input.logits, input.labels, class_weights_,
                                                   at::Reduction::Sum, datasets::kIgnored);
  return {{"cross_entropy", {sum * factor_, weights(input.labels).at("cross_entropy")}}};
}

LossWeights CrossEntropy::weights(const torch::Tensor& labels) const {
  return {{"cross_entropy", class_weights_.defined() ? weigh_pixels(labels, class_weights_)
                                                     : static_cast<double>(count_pixels(labels))}};
}

torch::Tensor class_weights_of(const LossOptions& options, const LossTask& task) {
  const std::vector<double>& given = options.class_weights;
  if (given.empty()) return {};
  const bool allowed = std::ranges::all_of(
      given, [](double weight) { return weight >= 0 && std::isfinite(weight); });
  if (std::ssize(given) != task.classes + 1 || !allowed || std::ranges::max(given) == 0)
    throw std::invalid_argument(
        fmt::format("[loss.{}] class_weights [{}]; {} numbers of at least 0 (background and {} "
                    "classes), not all 0, are allowed",
                    options.name, fmt::join(given, ", "), task.classes + 1, task.classes));
  return torch::tensor(given, torch::kFloat);
}

double weigh_pixels(const torch::Tensor& labels, const torch::Tensor& class_weights) {
  const torch::Tensor counted = labels.masked_select(labels.ne(datasets::kIgnored));
  const torch::Tensor counts = torch::bincount(counted, {}, class_weights.size(0));
  return (counts.to(torch::kDouble) * class_weights.to(torch::kDouble)).sum().item<double>();
}

}  // namespace medsweep::models
