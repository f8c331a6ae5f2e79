#include "models/segmentation/segmentation_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/init.h"
#include "models/layers/random_layer.h"
#include "models/losses/pixels.h"
#include "models/parameters.h"
#include "models/segmentation/networks.h"

namespace medsweep::models {
namespace {

constexpr const char* kLossModules = "losses";
constexpr const char* kActivations = "cam";

double probability_of(double threshold, ThresholdOn threshold_on) {
  return threshold_on == ThresholdOn::kLogit ? 1 / (1 + std::exp(-threshold)) : threshold;
}

std::vector<std::unique_ptr<SegmentationLoss>> make_losses(const SegmentationModelOptions& options,
                                                           std::int64_t feature_channels) {
  std::vector<std::unique_ptr<SegmentationLoss>> losses;
  std::vector<std::string_view> seen;
  bool of_logits = false;
  for (const auto& loss : options.losses) {
    if (std::find(seen.begin(), seen.end(), loss.name) != seen.end())
      throw std::invalid_argument(
          fmt::format("[loss] '{}' twice; each loss once is allowed", loss.name));
    seen.push_back(loss.name);
    losses.push_back(
        make_loss(loss, {options.classes, options.activation, feature_channels, options.regions}));
    of_logits = of_logits || !losses.back()->takes_features();
  }
  if (!of_logits)
    throw std::invalid_argument(
        fmt::format("[loss] {}; at least one that compares logits with "
                    "labels (dice_ce, bce ...) is allowed",
                    seen.empty() ? "none" : seen.front()));
  return losses;
}

NetworkOptions network_options_of(const SegmentationModelOptions& options) {
  NetworkOptions network = options.network_options;
  network.out_channels = options.classes + (options.activation == Activation::kSoftmax ? 1 : 0);
  return network;
}

torch::Tensor enlarged(const torch::Tensor& logits, at::IntArrayRef size) {
  if (logits.sizes().slice(2) == size) return logits;
  return size.size() == 3 ? at::upsample_trilinear3d(logits, size, false)
                          : at::upsample_bilinear2d(logits, size, false);
}

/// [N, (D,) H, W] without `margin` of each side.
torch::Tensor without_margin(torch::Tensor labels, std::int64_t margin) {
  for (std::int64_t axis = 1; margin > 0 && axis < labels.dim(); ++axis)
    labels = labels.narrow(axis, margin, labels.size(axis) - 2 * margin);
  return labels;
}

}  // namespace

ThresholdOn threshold_on_of(std::string_view name) {
  if (name == "probability") return ThresholdOn::kProbability;
  if (name == "logit") return ThresholdOn::kLogit;
  throw std::invalid_argument(
      fmt::format("[threshold_on] '{}'; probability, logit are allowed", name));
}

SegmentationModel::SegmentationModel(const SegmentationModelOptions& options)
    : SegmentationModel(options, make_network(options.network, network_options_of(options))) {}

SegmentationModel::SegmentationModel(const SegmentationModelOptions& options,
                                     std::shared_ptr<SegmentationNetwork> network)
    : options_(options),
      probability_threshold_(probability_of(options.threshold, options.threshold_on)),
      network_(std::move(network)),
      losses_(make_losses(options, network_->feature_channels())),
      heads_(network_->auxiliary_heads()) {
  std::uint64_t parameters = initialize(*network_, options.init, options.seed);
  network_->initialize_own();
  set_memory_layout(*network_, options.layout);
  // The network's layers and tensors as its own, so that their keys carry no prefix.
  for (const auto& child : network_->named_children()) register_module(child.key(), child.value());
  for (const auto& own : network_->named_parameters(/*recurse=*/false))
    register_parameter(own.key(), own.value(), own.value().requires_grad());
  for (const auto& own : network_->named_buffers(/*recurse=*/false))
    register_buffer(own.key(), own.value());
  if (options.network_options.attention.name == kActivations) {
    cam_ = register_module(kActivations,
                           ClassActivation(network_->feature_channels(), options.classes));
    parameters = initialize(*cam_, options.init, options.seed, parameters);
  }
  register_losses(parameters);
}

void SegmentationModel::train(bool on) {
  Model::train(on);
  network_->train(on);
}

void SegmentationModel::register_losses(std::uint64_t first_parameter) {
  const auto owners = std::make_shared<torch::nn::Module>();
  for (std::size_t i = 0; i < losses_.size(); ++i)
    if (const auto own = losses_[i]->module())
      owners->register_module(options_.losses[i].name, own);
  if (owners->children().empty()) return;
  initialize(*owners, options_.init, options_.seed, first_parameter);
  register_module(kLossModules, owners);
}

torch::Tensor SegmentationModel::logits(const torch::Tensor& images) {
  const AutocastGuard autocast(options_.precision, images.device().type());
  return network_->forward(images.contiguous(memory_format_of(options_.layout, images.dim() - 2)))
      .to(torch::kFloat);
}

NetworkOutputs SegmentationModel::training_outputs(const torch::Tensor& images) {
  const AutocastGuard autocast(options_.precision, images.device().type());
  NetworkOutputs outputs =
      network_->outputs(images.contiguous(memory_format_of(options_.layout, images.dim() - 2)));
  outputs.logits = outputs.logits.to(torch::kFloat);
  if (outputs.auxiliary.size() != heads_.size())
    throw std::logic_error(fmt::format("[model.{}] {} auxiliary logits with {} weights",
                                       options_.network, outputs.auxiliary.size(), heads_.size()));
  return outputs;
}

torch::Tensor SegmentationModel::labels_of(const datasets::Batch& batch) const {
  const std::int64_t labels = loss_task().labels();
  std::vector<torch::Tensor> maps;
  for (std::size_t i = 0; i < batch.targets.size(); ++i) {
    const auto found = batch.targets[i].find(datasets::kSegmentation);
    if (found == batch.targets[i].end())
      throw std::invalid_argument(fmt::format("[model.{}] sample '{}' has no label map '{}'",
                                              options_.network, batch.samples.at(i).name,
                                              datasets::kSegmentation));
    maps.push_back(found->second.labels);
    const auto highest = maps.back().max().item<std::int64_t>();
    if (highest > labels)
      throw std::invalid_argument(
          fmt::format("[model.{}] label {} in sample '{}'; 0 to {} are allowed", options_.network,
                      highest, batch.samples.at(i).name, labels));
  }
  if (maps.empty()) return batch.images.select(1, 0).to(torch::kLong);  // none of their size
  return without_margin(torch::stack(maps), network_->margin());
}

Losses SegmentationModel::loss(const datasets::Batch& batch) {
  const torch::Tensor labels = labels_of(batch);
  set_random_keys(*network_, batch.random_keys);
  const NetworkOutputs outputs = training_outputs(batch.images);
  if (batch.size() == 0) return empty_losses(outputs, labels);
  Losses losses;
  for (const auto& loss : losses_)
    losses.merge((*loss)({outputs.logits, labels, outputs.features, batch.random_keys}));
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    const torch::Tensor logits =
        enlarged(outputs.auxiliary[i].to(torch::kFloat), labels.sizes().slice(1));
    for (const auto& loss : losses_) {
      if (loss->takes_features()) continue;
      for (const auto& [name, part] : (*loss)({logits, labels}))
        losses[fmt::format("{}_{}", heads_[i].name, name)] = {part.sum * heads_[i].weight,
                                                              part.weight};
    }
  }
  if (!cam_.is_empty()) losses[kActivations] = activation_loss(outputs, labels);
  return losses;
}

torch::Tensor SegmentationModel::presence(const torch::Tensor& labels) const {
  std::vector<torch::Tensor> there;
  for (std::int64_t label = 1; label <= options_.classes; ++label) {
    const torch::Tensor inside =
        options_.regions.empty()
            ? labels.eq(label)
            : is_one_of(labels, options_.regions[static_cast<std::size_t>(label - 1)]);
    there.push_back(inside.flatten(1).any(1));
  }
  return torch::stack(there, 1).to(torch::kFloat);
}

Loss SegmentationModel::activation_loss(const NetworkOutputs& outputs,
                                        const torch::Tensor& labels) {
  const torch::Tensor scores = cam_->forward(outputs.features).scores;
  const torch::Tensor sum =
      at::binary_cross_entropy_with_logits(scores, presence(labels), {}, {}, at::Reduction::Sum);
  return {options_.network_options.attention.options.weight * sum,
          static_cast<double>(scores.numel())};
}

std::vector<torch::Tensor> SegmentationModel::activations(const datasets::Batch& batch) {
  const torch::NoGradGuard no_grad;
  if (cam_.is_empty()) return {};
  const torch::Tensor maps = cam_->forward(training_outputs(batch.images).features).maps;
  std::vector<torch::Tensor> activations;
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const datasets::Extent& size = batch.sizes[static_cast<std::size_t>(i)];
    const torch::Tensor map = maps[i].narrow(1, 0, size.height).narrow(2, 0, size.width);
    activations.push_back(torch::sigmoid(map).contiguous());
  }
  return activations;
}

Losses SegmentationModel::empty_losses(const NetworkOutputs& outputs,
                                       const torch::Tensor& labels) const {
  torch::Tensor zero = outputs.logits.sum() * 0;
  for (const torch::Tensor& logits : outputs.auxiliary)
    zero = zero + logits.to(torch::kFloat).sum() * 0;
  for (const auto& loss : losses_)
    if (const auto own = loss->module())
      for (const auto& parameter : own->parameters()) zero = zero + parameter.sum() * 0;
  if (!cam_.is_empty())
    for (const auto& parameter : cam_->parameters()) zero = zero + parameter.sum() * 0;
  Losses losses;
  for (const auto& [name, weight] : weights_of(labels)) losses[name] = {zero, weight};
  return losses;
}

LossWeights SegmentationModel::weights_of(const torch::Tensor& labels) const {
  LossWeights weights;
  for (const auto& loss : losses_)
    for (const auto& [name, weight] : loss->weights(labels)) {
      weights[name] = weight;
      if (loss->takes_features()) continue;
      for (std::size_t i = 0; i < heads_.size(); ++i)
        weights[fmt::format("{}_{}", heads_[i].name, name)] = weight;
    }
  if (!cam_.is_empty())
    weights[kActivations] = static_cast<double>(labels.size(0) * options_.classes);
  return weights;
}

std::optional<LossWeights> SegmentationModel::loss_weights(const datasets::Batch& batch) const {
  return weights_of(labels_of(batch));
}

void SegmentationModel::observe_dice(const std::vector<double>& dice) {
  for (const auto& loss : losses_) loss->observe_dice(dice);
}

torch::Tensor SegmentationModel::probabilities(const torch::Tensor& logits) const {
  if (options_.activation == Activation::kSigmoid) return torch::sigmoid(logits);
  return torch::softmax(logits, 1).narrow(1, 1, options_.classes);
}

LossTask SegmentationModel::loss_task() const {
  return {options_.classes, options_.activation, network_->feature_channels(), options_.regions};
}

torch::Tensor SegmentationModel::label_map(const torch::Tensor& probabilities) const {
  if (!options_.regions.empty()) {
    torch::Tensor painted =
        torch::zeros(probabilities.sizes().slice(1), probabilities.options().dtype(torch::kByte));
    for (std::int64_t i = 0; i < probabilities.size(0); ++i)
      painted.masked_fill_(probabilities[i] > probability_threshold_, i + 1);
    return painted;
  }
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
    torch::Tensor map = maps[i].narrow(-2, 0, size.height).narrow(-1, 0, size.width);
    if (map.dim() == 4) map = map.narrow(1, 0, size.depth);
    map = map.contiguous();
    predictions.push_back({map, label_map(map)});
  }
  return predictions;
}

}  // namespace medsweep::models
