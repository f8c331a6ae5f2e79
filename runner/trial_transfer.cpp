#include "runner/trial_transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "models/backbones/backbones.h"
#include "models/backbones/resnet.h"
#include "models/layers/frozen_batch_norm.h"
#include "models/segmentation/networks.h"
#include "runner/checkpoint.h"
#include "runner/trial_rcnn.h"
#include "runner/weights/published_weights.h"
#include "runner/weights/torch_weights.h"
#include "runner/weights/transfer.h"

namespace medsweep::runner {
namespace {

constexpr std::array<std::string_view, 3> kPublished{"imagenet", "imagenet_v2", "coco"};

/// The parts of a model that each take a file's weights: its tasks' networks, or itself.
std::vector<torch::nn::Module*> receivers(models::Model& model) {
  std::vector<torch::nn::Module*> parts;
  for (const auto& child : model.named_children())
    if (child.key() == "tasks")
      for (const auto& task : child.value()->children()) parts.push_back(task.get());
  if (parts.empty()) parts.push_back(&model);
  return parts;
}

/// Where a network of label maps has its backbone's layers; empty where it has none of its own.
std::string backbone_prefix(const torch::nn::Module& network) {
  for (const auto& child : network.named_children())
    if (child.value()->as<models::Backbone>() != nullptr) return child.key() + ".";
  return {};
}

std::string backbone_of(const TrialSettings& settings) {
  if (settings.backbone.name != "none") return settings.backbone.name;
  if (finds_objects(settings)) return std::string(models::kDefaultBackbone);
  return std::string(models::default_backbone(settings.model.name));
}

}  // namespace

bool is_published(const std::string& weights) {
  return std::ranges::find(kPublished, weights) != kPublished.end();
}

std::filesystem::path weights_file(const TrialSettings& settings) {
  if (!is_published(settings.weights)) return settings.weights;
  const std::string backbone = backbone_of(settings);
  if (settings.weights != "coco") return published_weights(settings.weights, backbone);
  const bool is_usual = finds_objects(settings) || backbone == models::kDefaultBackbone ||
                        !models::takes_backbone(settings.model.name);
  return published_weights("coco", settings.model.name + (is_usual ? "" : "_" + backbone));
}

std::vector<std::string> load_weights(models::Model& model, const TrialSettings& settings) {
  const std::filesystem::path file = weights_file(settings);
  const Tensors weights = read_weights(file);
  const bool partly = is_published(settings.weights) || !settings.weights_exclude.empty() ||
                      file.extension() != ".safetensors";
  TransferOptions options{.where = file.filename().string(), .exclude = settings.weights_exclude};
  options.strictness = partly ? Strictness::kPartial : Strictness::kWhole;
  options.stem = settings.weights_stem == "mean" ? StemFold::kMean : StemFold::kSum;
  // Another trial's losses are none of this one's.
  const auto of_losses = [](const Tensors& tensors) {
    return std::ranges::any_of(tensors,
                               [](const auto& tensor) { return is_of_losses(tensor.first); });
  };
  if (of_losses(weights) || of_losses(named_tensors(model))) options.exclude.emplace_back("losses");
  // A file of a network of several tasks fits the whole model; any other fits each task's part.
  const bool whole = std::ranges::any_of(
      weights, [](const auto& tensor) { return tensor.first.starts_with("tasks."); });
  if (needs_zero_norm_epsilon(file))
    for (const auto& module : model.modules())
      if (auto* frozen = module->as<models::FrozenBatchNorm2d>()) frozen->set_eps(0);
  std::vector<std::string> lines;
  for (torch::nn::Module* part :
       whole ? std::vector<torch::nn::Module*>{&model} : receivers(model)) {
    if (const std::string prefix = backbone_prefix(*part); !prefix.empty()) options.body = prefix;
    for (std::string& line : load_into(*part, weights, options).lines)
      lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace medsweep::runner
