#include "models/segmentation/segmentation_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/init.h"
#include "models/layers/random_layer.h"
#include "models/parameters.h"

namespace medsweep::models {
namespace {

double probability_of(double threshold, ThresholdOn threshold_on) {
  return threshold_on == ThresholdOn::kLogit ? 1 / (1 + std::exp(-threshold)) : threshold;
}

std::vector<std::unique_ptr<SegmentationLoss>> make_losses(
    const SegmentationModelOptions& options) {
  std::vector<std::unique_ptr<SegmentationLoss>> losses;
  std::vector<std::string_view> seen;
  for (const auto& loss : options.losses) {
    if (std::find(seen.begin(), seen.end(), loss.name) != seen.end())
      throw std::invalid_argument(
          fmt::format("[loss] '{}' twice; each loss once is allowed", loss.name));
    seen.push_back(loss.name);
    losses.push_back(make_loss(loss, options.classes, options.activation));
  }
  if (losses.empty()) throw std::invalid_argument("[loss] none; at least one is allowed");
  return losses;
}

NetworkOptions network_options_of(const SegmentationModelOptions& options) {
  NetworkOptions network = options.network_options;
  network.out_channels = options.classes + (options.activation == Activation::kSoftmax ? 1 : 0);
  return network;
}

}  // namespace

ThresholdOn threshold_on_of(std::string_view name) {
  if (name == "probability") return ThresholdOn::kProbability;
  if (name == "logit") return ThresholdOn::kLogit;
  throw std::invalid_argument(
      fmt::format("[threshold_on] '{}'; probability, logit are allowed", name));
}

SegmentationModel::SegmentationModel(const SegmentationModelOptions& options)
    : options_(options),
      probability_threshold_(probability_of(options.threshold, options.threshold_on)),
      losses_(make_losses(options)) {
  network_ = make_network(options.network, network_options_of(options));
  initialize(*network_, options.init, options.seed);
  set_memory_layout(*network_, options.layout);
  // The network's layers as its own, so that their keys carry no prefix.
  for (const auto& child : network_->named_children()) register_module(child.key(), child.value());
}

torch::Tensor SegmentationModel::logits(const torch::Tensor& images) {
  const AutocastGuard autocast(options_.precision, images.device().type());
  return network_->forward(images.contiguous(memory_format_of(options_.layout))).to(torch::kFloat);
}

torch::Tensor SegmentationModel::labels_of(const datasets::Batch& batch) const {
  std::vector<torch::Tensor> maps;
  for (std::size_t i = 0; i < batch.targets.size(); ++i) {
    const auto found = batch.targets[i].find(datasets::kSegmentation);
    if (found == batch.targets[i].end())
      throw std::invalid_argument(fmt::format("[model.{}] sample '{}' has no label map '{}'",
                                              options_.network, batch.samples.at(i).name,
                                              datasets::kSegmentation));
    maps.push_back(found->second.labels);
    const auto highest = maps.back().max().item<std::int64_t>();
    if (highest > options_.classes)
      throw std::invalid_argument(
          fmt::format("[model.{}] label {} in sample '{}'; 0 to {} are allowed", options_.network,
                      highest, batch.samples.at(i).name, options_.classes));
  }
  if (maps.empty())
    return torch::empty({0, batch.images.size(2), batch.images.size(3)},
                        batch.images.options().dtype(torch::kLong));
  return torch::stack(maps);
}

Losses SegmentationModel::loss(const datasets::Batch& batch) {
  const torch::Tensor labels = labels_of(batch);
  set_random_keys(*network_, batch.random_keys);
  const torch::Tensor outputs = logits(batch.images);
  Losses losses;
  for (const auto& loss : losses_) losses.merge((*loss)(outputs, labels));
  if (batch.size() == 0)
    for (auto& [name, part] : losses) part.sum = outputs.sum() * 0;
  return losses;
}

std::optional<LossWeights> SegmentationModel::loss_weights(const datasets::Batch& batch) const {
  const torch::Tensor labels = labels_of(batch);
  LossWeights weights;
  for (const auto& loss : losses_) weights.merge(loss->weights(labels));
  return weights;
}

torch::Tensor SegmentationModel::probabilities(const torch::Tensor& logits) const {
  if (options_.activation == Activation::kSigmoid) return torch::sigmoid(logits);
  return torch::softmax(logits, 1).narrow(1, 1, options_.classes);
}

torch::Tensor SegmentationModel::label_map(const torch::Tensor& probabilities) const {
  const auto [highest, index] = probabilities.max(0);
  const torch::Tensor threshold = options_.activation == Activation::kSigmoid
                                      ? torch::full({}, probability_threshold_)
                                      : 1 - probabilities.sum(0);
  return torch::where(highest > threshold, index + 1, 0).to(torch::kByte);
}

Predictions SegmentationModel::predict(const datasets::Batch& batch) {
  torch::NoGradGuard no_grad;
  const torch::Tensor maps = probabilities(logits(batch.images));
  Predictions predictions;
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const datasets::Extent& size = batch.sizes[static_cast<std::size_t>(i)];
    const torch::Tensor map =
        maps[i].narrow(1, 0, size.height).narrow(2, 0, size.width).contiguous();
    predictions.push_back({map, label_map(map)});
  }
  return predictions;
}

}  // namespace medsweep::models
