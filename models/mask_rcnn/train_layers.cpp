#include "models/mask_rcnn/train_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include "models/layers/batch_norm.h"

namespace medsweep::models {
namespace {

constexpr std::array<std::pair<std::string_view, LayerGroup>, 11> kGroupNames{{
    {"features", LayerGroup::kStem},  // the whole of a backbone that is no ResNet
    {"conv1", LayerGroup::kStem},
    {"bn1", LayerGroup::kStem},
    {"layer1", LayerGroup::kResnet2},
    {"layer2", LayerGroup::kResnet3},
    {"layer3", LayerGroup::kResnet4},
    {"layer4", LayerGroup::kResnet5},
    {"fpn", LayerGroup::kPyramid},
    {"rpn", LayerGroup::kRpn},
    {"roi_heads", LayerGroup::kHeads},
    {"attention", LayerGroup::kHeads},
}};

constexpr unsigned bit_of(LayerGroup group) { return 1U << static_cast<unsigned>(group); }

constexpr unsigned kNewLayers =
    bit_of(LayerGroup::kPyramid) | bit_of(LayerGroup::kRpn) | bit_of(LayerGroup::kHeads);
constexpr unsigned kFrom5 = kNewLayers | bit_of(LayerGroup::kResnet5);
constexpr unsigned kFrom4 = kFrom5 | bit_of(LayerGroup::kResnet4);
constexpr unsigned kFrom3 = kFrom4 | bit_of(LayerGroup::kResnet3);

// The factory of a row is the set of its groups.
constexpr std::array kTrainLayers{
    Entry<unsigned>{"all", "all", "models/mask_rcnn/train_layers",
                    kFrom3 | bit_of(LayerGroup::kResnet2) | bit_of(LayerGroup::kStem),
                    "every layer"},
    Entry<unsigned>{"heads", "heads", "models/mask_rcnn/train_layers", kNewLayers,
                    "pyramid, proposals and heads; the backbone is frozen"},
    Entry<unsigned>{"resnet3+", "r3up", "models/mask_rcnn/train_layers", kFrom3,
                    "heads and the backbone's last three stages"},
    Entry<unsigned>{"resnet4+", "r4up", "models/mask_rcnn/train_layers", kFrom4,
                    "heads and the backbone's last two stages"},
    Entry<unsigned>{"resnet5+", "r5up", "models/mask_rcnn/train_layers", kFrom5,
                    "heads and the backbone's last stage"},
    Entry<unsigned>{"rpn", "rpn", "models/mask_rcnn/train_layers",
                    bit_of(LayerGroup::kPyramid) | bit_of(LayerGroup::kRpn),
                    "pyramid and proposals only"},
};
static_assert(names_are_unique(kTrainLayers));

// `trains`: whether a key's layer is to be trained; nothing: it stays as it is.
using TrainsKey = std::function<std::optional<bool>(std::string_view key)>;

void apply_training(torch::nn::Module& module, const TrainsKey& trains) {
  for (auto& parameter : module.named_parameters())
    if (const auto on = trains(parameter.key())) parameter.value().set_requires_grad(*on);
  for (const auto& child : module.named_modules("", false)) {
    auto* const layer = child.value()->as<BatchNorm2dImpl>();
    const auto on = trains(child.key());
    if (layer == nullptr || !on) continue;
    if (*on)
      layer->unfreeze();
    else
      layer->freeze();
  }
}

}  // namespace

LayerGroup layer_group_of(std::string_view key) {
  while (!key.empty()) {
    const std::string_view part = key.substr(0, key.find('.'));
    for (const auto& [name, group] : kGroupNames)
      if (name == part) return group;
    key.remove_prefix(std::min(key.size(), part.size() + 1));
  }
  return LayerGroup::kHeads;
}

TrainableCounts trainable_counts(const torch::nn::Module& module) {
  TrainableCounts counts;
  for (const auto& parameter : module.parameters())
    (parameter.requires_grad() ? counts.trainable : counts.frozen) += parameter.numel();
  return counts;
}

TrainableCounts set_train_layers(torch::nn::Module& module, std::string_view name) {
  const unsigned groups = find("train_layers", kTrainLayers, name).make;
  bool any = false;
  for (const std::string& key : module.named_parameters().keys())
    any = any || (groups & bit_of(layer_group_of(key))) != 0;
  if (!any)
    throw std::invalid_argument(fmt::format(
        "[train_layers] '{}' names no layer of this network; a name that does is allowed", name));
  apply_training(module, [groups](std::string_view key) -> std::optional<bool> {
    return (groups & bit_of(layer_group_of(key))) != 0;
  });
  return trainable_counts(module);
}

std::vector<Row> train_layers_rows() { return rows_of(kTrainLayers); }

TrainableCounts set_trainable_backbone_layers(torch::nn::Module& module, std::int64_t count) {
  constexpr std::int64_t kAll = 5;
  if (count < 0 || count > kAll)
    throw std::invalid_argument(
        fmt::format("[trainable_backbone_layers] {}; 0 to {} is allowed", count, kAll));
  apply_training(module, [count](std::string_view key) -> std::optional<bool> {
    const auto layer = static_cast<std::int64_t>(layer_group_of(key));  // 0 the stem, 4 layer4
    if (layer >= kAll) return std::nullopt;
    return layer >= kAll - count;
  });
  return trainable_counts(module);
}

}  // namespace medsweep::models
