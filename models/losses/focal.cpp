#include "models/losses/focal.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/losses/pixels.h"

namespace medsweep::models {
namespace {

constexpr double kLeastWrong = 1e-12;

}  // namespace

Focal::Focal(const LossOptions& options, const LossTask& task)
    : factor_(options.factor), gamma_(options.gamma), task_(task) {
  if (!(gamma_ >= 0))
    throw std::invalid_argument(
        fmt::format("[loss.focal] gamma {}; at least 0 is allowed", gamma_));
}

Losses Focal::operator()(const LossInput& input) const {
  torch::Tensor log_true;  // log q: [N, 1, ...] or [N, K, ...]
  if (task_.activation == Activation::kSoftmax) {
    log_true =
        torch::log_softmax(input.logits, 1).gather(1, input.labels.clamp_min(0).unsqueeze(1));
  } else {
    const torch::Tensor maps = class_maps(input, task_);
    log_true = torch::log_sigmoid(torch::where(maps == 1, input.logits, -input.logits));
  }
  // The slope of a power below 1 has no bound at 0.
  const torch::Tensor wrong = (-torch::expm1(log_true)).clamp_min(kLeastWrong);
  torch::Tensor losses = -log_true * wrong.pow(gamma_);
  if (const torch::Tensor mask = mask_of(input.labels); mask.defined()) losses = losses * mask;
  return {{"focal", {losses.sum() * factor_, weights(input.labels).at("focal")}}};
}

LossWeights Focal::weights(const torch::Tensor& labels) const {
  const std::int64_t parts = task_.activation == Activation::kSoftmax ? 1 : task_.classes;
  return {{"focal", static_cast<double>(count_pixels(labels) * parts)}};
}

}  // namespace medsweep::models
