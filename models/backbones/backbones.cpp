#include "models/backbones/backbones.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "models/backbones/densenet.h"
#include "models/backbones/efficientnet.h"
#include "models/backbones/resnest.h"
#include "models/backbones/resnet.h"
#include "models/backbones/vgg.h"

namespace medsweep::models {
namespace {

using LevelChannels = std::array<std::int64_t, Backbone::kLevels>;

struct BackboneKind {
  std::shared_ptr<Backbone> (*make)(const BackboneOptions&);
  LevelChannels channels;
  bool is_resnet = false;          ///< whose strides and biases can be chosen
  std::int64_t least_samples = 1;  ///< that batch normalisation needs in training
};

template <ResNetPlan kPlan>
std::shared_ptr<Backbone> make_resnet(const BackboneOptions& options) {
  return std::make_shared<ResNet>(kPlan, options);
}

template <ResNetPlan kPlan>
constexpr BackboneKind kResNet{make_resnet<kPlan>, resnet_channels(kPlan), true};

template <VggKind kKind>
std::shared_ptr<Backbone> make_vgg(const BackboneOptions& options) {
  return std::make_shared<Vgg>(kKind, options);
}

template <DenseNetPlan kPlan>
std::shared_ptr<Backbone> make_densenet(const BackboneOptions& options) {
  return std::make_shared<DenseNet>(kPlan, options);
}

template <DenseNetPlan kPlan>
constexpr BackboneKind kDenseNet{make_densenet<kPlan>, densenet_channels(kPlan)};

// A double cannot be part of a template's parameter in clang 14.
constexpr EfficientNetPlan kEfficientNetB0{1.0, 1.0}, kEfficientNetB7{2.0, 3.1, 1e-3, 0.01};

template <const EfficientNetPlan* kPlan>
std::shared_ptr<Backbone> make_efficientnet(const BackboneOptions& options) {
  return std::make_shared<EfficientNet>(*kPlan, options);
}

template <const EfficientNetPlan* kPlan>
constexpr BackboneKind kEfficientNet{make_efficientnet<kPlan>, efficientnet_channels(*kPlan)};

template <ResNeStPlan kPlan>
std::shared_ptr<Backbone> make_resnest(const BackboneOptions& options) {
  return std::make_shared<ResNeSt>(kPlan, options);
}

template <ResNeStPlan kPlan>
constexpr BackboneKind kResNeSt{make_resnest<kPlan>, resnest_channels(kPlan), false, 2};

constexpr std::array<std::string_view, Backbone::kLevels> kLevelPlaces{"c1", "c2", "c3", "c4",
                                                                       "c5"};

constexpr ResNetPlan kResNet18{ResidualKind::kBasic, {2, 2, 2, 2}};
constexpr ResNetPlan kResNet34{ResidualKind::kBasic, {3, 4, 6, 3}};
constexpr ResNetPlan kResNet50{ResidualKind::kBottleneck, {3, 4, 6, 3}};
constexpr ResNetPlan kResNet101{ResidualKind::kBottleneck, {3, 4, 23, 3}};
constexpr ResNetPlan kResNet152{ResidualKind::kBottleneck, {3, 8, 36, 3}};
constexpr ResNetPlan kResNeXt50{ResidualKind::kBottleneck, {3, 4, 6, 3}, 32, 4};

constexpr std::array kBackbones{
    Entry<BackboneKind>{"resnet18", "r18", "models/backbones/resnet", kResNet<kResNet18>,
                        "ResNet of 8 basic blocks, 11.2 M parameters"},
    Entry<BackboneKind>{"resnet34", "r34", "models/backbones/resnet", kResNet<kResNet34>,
                        "ResNet of 16 basic blocks, 21.3 M parameters"},
    Entry<BackboneKind>{"resnet50", "r50", "models/backbones/resnet", kResNet<kResNet50>,
                        "ResNet of 16 bottlenecks, 23.5 M parameters"},
    Entry<BackboneKind>{"resnet101", "r101", "models/backbones/resnet", kResNet<kResNet101>,
                        "ResNet of 33 bottlenecks, 42.5 M parameters"},
    Entry<BackboneKind>{"resnet152", "r152", "models/backbones/resnet", kResNet<kResNet152>,
                        "ResNet of 50 bottlenecks, 58.1 M parameters"},
    Entry<BackboneKind>{"resnext50_32x4d", "x50", "models/backbones/resnet", kResNet<kResNeXt50>,
                        "ResNet of 16 bottlenecks in 32 groups, 23.0 M parameters"},
    Entry<BackboneKind>{"resnest50", "s50", "models/backbones/resnest",
                        kResNeSt<ResNeStPlan{{3, 4, 6, 3}, 32}>,
                        "ResNet of 16 blocks with split attention, 25.4 M (arXiv 2004.08955)"},
    Entry<BackboneKind>{"resnest101", "s101", "models/backbones/resnest",
                        kResNeSt<ResNeStPlan{{3, 4, 23, 3}, 64}>,
                        "ResNet of 33 blocks with split attention, 46.2 M"},
    Entry<BackboneKind>{"vgg16",
                        "v16",
                        "models/backbones/vgg",
                        {make_vgg<VggKind::kPlain>, kVggChannels},
                        "13 convolutions in five groups, 14.7 M (arXiv 1409.1556)"},
    Entry<BackboneKind>{"vgg16_bn",
                        "v16bn",
                        "models/backbones/vgg",
                        {make_vgg<VggKind::kNormalized>, kVggChannels},
                        "the same with batch normalisation, 14.7 M"},
    Entry<BackboneKind>{"densenet121", "d121", "models/backbones/densenet",
                        kDenseNet<DenseNetPlan{{6, 12, 24, 16}}>,
                        "each layer sees all before it, 7.0 M (arXiv 1608.06993)"},
    Entry<BackboneKind>{"densenet161", "d161", "models/backbones/densenet",
                        kDenseNet<DenseNetPlan{{6, 12, 36, 24}, 48, 96}>,
                        "the same with 78 layers of 48 channels, 26.5 M"},
    Entry<BackboneKind>{"densenet169", "d169", "models/backbones/densenet",
                        kDenseNet<DenseNetPlan{{6, 12, 32, 32}}>,
                        "the same with 82 layers, 12.5 M"},
    Entry<BackboneKind>{"densenet201", "d201", "models/backbones/densenet",
                        kDenseNet<DenseNetPlan{{6, 12, 48, 32}}>,
                        "the same with 98 layers, 18.1 M"},
    Entry<BackboneKind>{"efficientnet_b0", "eb0", "models/backbones/efficientnet",
                        kEfficientNet<&kEfficientNetB0>,
                        "16 inverted residuals, 3.6 M (arXiv 1905.11946)"},
    Entry<BackboneKind>{"efficientnet_b7", "eb7", "models/backbones/efficientnet",
                        kEfficientNet<&kEfficientNetB7>, "55 inverted residuals, 62.1 M"},
};
static_assert(names_are_unique(kBackbones));

}  // namespace

BackboneOptions matterport_backbone() {
  BackboneOptions options;
  options.normalization = "frozen_batch";
  options.eps = 1e-3;
  options.momentum = 0.01;
  options.stride = BlockStride::kFirst;
  options.bias = ConvolutionBias::kTrained;
  return options;
}

std::vector<torch::Tensor> Backbone::levels(const torch::Tensor& images, const AfterLevel& after) {
  if (images.dim() != 4 || images.size(1) != in_channels_ || images.size(2) < 1 ||
      images.size(3) < 1)
    throw std::invalid_argument(
        fmt::format("[backbone] images of {}; N x {} x H x W with H and W of at least 1 are "
                    "allowed",
                    fmt::join(images.sizes(), "x"), in_channels_));
  return run(images, [&](std::int64_t level, const torch::Tensor& features) {
    const auto& own = attention_[static_cast<std::size_t>(level) - 1];
    const torch::Tensor attended = own == nullptr ? features : own->forward(features);
    return after ? after(level, attended) : attended;
  });
}

std::vector<torch::Tensor> Backbone::forward(const torch::Tensor& images) {
  std::vector<torch::Tensor> maps = levels(images);
  maps.erase(maps.begin());
  return maps;
}

std::vector<std::int64_t> Backbone::channels() const {
  return {level_channels_.begin() + 1, level_channels_.end()};
}

void Backbone::add_attention(const BackboneOptions& options) {
  if (options.attention.empty()) return;
  const auto modules = register_module("attention", std::make_shared<torch::nn::Module>());
  for (const auto& [place, attention] : options.attention) {
    const auto* const found = std::find(kLevelPlaces.begin() + 2, kLevelPlaces.end(), place);
    if (found == kLevelPlaces.end())
      throw std::invalid_argument(
          fmt::format("[backbone] attention at '{}'; c3, c4, c5 are allowed", place));
    const auto level = static_cast<std::size_t>(found - kLevelPlaces.begin());
    attention_[level] = modules->register_module(place, attention.make(level_channels_[level]));
  }
}

void check_backbone(std::string_view name, const BackboneOptions& options) {
  const auto& entry = find("backbone", kBackbones, name);
  if (options.in_channels < 1)
    throw std::invalid_argument(fmt::format(
        "[backbone.{}] {} input channels; at least 1 is allowed", name, options.in_channels));
  if (options.output_stride != 8 && options.output_stride != 16 && options.output_stride != 32)
    throw std::invalid_argument(fmt::format("[backbone.{}] output stride {}; 8, 16, 32 are allowed",
                                            name, options.output_stride));
  const bool usual = options.output_stride == 32 && options.stride == BlockStride::kMiddle &&
                     options.bias == ConvolutionBias::kNone;
  if (!entry.make.is_resnet && !usual)
    throw std::invalid_argument(
        fmt::format("[backbone.{}] dilated stages or matterport's strides and biases; a resnet or "
                    "resnext is allowed",
                    name));
  if (entry.make.least_samples > 1 && options.normalization == "instance")
    throw std::invalid_argument(
        fmt::format("[backbone.{}] normalization 'instance' of means of a whole map; batch, "
                    "frozen_batch, group, none are allowed",
                    name));
}

std::shared_ptr<Backbone> make_backbone(std::string_view name, const BackboneOptions& options) {
  check_backbone(name, options);
  return find("backbone", kBackbones, name).make.make(options);
}

std::int64_t backbone_least_samples(std::string_view name) {
  return find("backbone", kBackbones, name).make.least_samples;
}

LevelChannels backbone_channels(std::string_view name) {
  return find("backbone", kBackbones, name).make.channels;
}

std::vector<Row> backbone_rows() { return rows_of(kBackbones); }

torch::Tensor fold_stem(const torch::Tensor& weight, StemFold fold) {
  if (weight.dim() != 4 || weight.size(1) != 3)
    throw std::invalid_argument(
        fmt::format("[stem] a kernel of {} to be folded; out x 3 x height x width is allowed",
                    fmt::join(weight.sizes(), "x")));
  return fold == StemFold::kSum ? weight.sum(1, true) : weight.mean(1, true);
}

StemFold stem_fold_of(std::string_view name) {
  if (name == "sum") return StemFold::kSum;
  if (name == "mean") return StemFold::kMean;
  throw std::invalid_argument(fmt::format("[stem_fold] '{}'; sum, mean are allowed", name));
}

}  // namespace medsweep::models
