#include "models/losses/tversky.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/losses/class_sums.h"

namespace medsweep::models {
namespace {

// The root's slope has no bound at 0, which a class without pixels reaches.
constexpr double kLeastBeforeRoot = 1e-7;

}  // namespace

Tversky::Tversky(const LossOptions& options, const LossTask& task)
    : options_(options), task_(task) {
  if (!(options.alpha >= 0) || !(options.beta >= 0) || options.alpha + options.beta == 0 ||
      !(options.gamma >= 1))
    throw std::invalid_argument(
        fmt::format("[loss.{}] alpha {}, beta {}, gamma {}; alpha and beta of at least 0, not both "
                    "0, and a gamma of at least 1 are allowed",
                    options.name, options.alpha, options.beta, options.gamma));
}

Losses Tversky::operator()(const LossInput& input) const {
  const auto [overlap, predicted, truth] = class_sums(input, task_);
  const torch::Tensor errors =
      options_.alpha * (predicted - overlap) + options_.beta * (truth - overlap);
  torch::Tensor loss = errors / (overlap + errors + kOverlapSmoothing);  // [N, K]
  if (options_.gamma > 1) loss = loss.clamp_min(kLeastBeforeRoot).pow(1 / options_.gamma);
  return {{options_.name,
           {loss.mean(1).sum() * options_.factor, weights(input.labels).at(options_.name)}}};
}

LossWeights Tversky::weights(const torch::Tensor& labels) const {
  return {{options_.name, static_cast<double>(labels.size(0))}};
}

}  // namespace medsweep::models
