#include "models/losses/cbl.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "datasets/batch.h"
#include "models/losses/pixels.h"

namespace medsweep::models {
namespace {

constexpr double kBelowTheLeastDice = 0.05;

LossOptions dice_of_all_classes(LossOptions options) {
  options.background = Background::kIncluded;
  options.power = DicePower::kPlain;
  return options;
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

CombinedLoss::CombinedLoss(const LossOptions& options, const LossTask& task)
    : weighting_(options.weighting),
      factor_(options.factor),
      dice_(dice_of_all_classes(options), task),
      state_(std::make_shared<torch::nn::Module>()) {
  if (task.activation != Activation::kSoftmax)
    throw std::invalid_argument("[loss.cbl] activation sigmoid; softmax is allowed");
  const torch::Tensor given = class_weights_of(options, task);
  class_weights_ = state_->register_buffer(
      "class_weights", given.defined() ? given : torch::ones({task.classes + 1}));
  adapted_ = state_->register_buffer("adapted", torch::zeros({}, torch::kLong));
}

Losses CombinedLoss::operator()(const LossInput& input) const {
  const LossWeights weights = this->weights(input.labels);
  const torch::Tensor entropy = at::cross_entropy_loss(input.logits, input.labels, class_weights_,
                                                       at::Reduction::Sum, datasets::kIgnored);
  return {{"cbl.dice", {dice_(input).at("dice").sum, weights.at("cbl.dice")}},
          {"cbl.cross_entropy", {entropy * factor_, weights.at("cbl.cross_entropy")}}};
}

LossWeights CombinedLoss::weights(const torch::Tensor& labels) const {
  const double entropy = adapted_.item<std::int64_t>() == 1
                             ? static_cast<double>(count_pixels(labels))
                             : weigh_pixels(labels, class_weights_);
  return {{"cbl.dice", dice_.weights(labels).at("dice")}, {"cbl.cross_entropy", entropy}};
}

void CombinedLoss::observe_dice(const std::vector<double>& dice) {
  if (weighting_ == ClassWeighting::kFixed) return;
  std::vector<double> known;
  std::ranges::copy_if(dice, std::back_inserter(known), [](double d) { return std::isfinite(d); });
  if (known.empty()) return;
  const double below = std::ranges::min(known) - kBelowTheLeastDice, median = median_of(known);
  class_weights_[0] = 0;
  for (std::size_t i = 0; i < dice.size(); ++i)
    class_weights_[static_cast<std::int64_t>(i) + 1] =
        std::isfinite(dice[i]) ? (median - below) / (dice[i] - below) : 1.0;
  adapted_.fill_(1);
}

}  // namespace medsweep::models
