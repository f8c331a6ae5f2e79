#include "models/backbones/backbones.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/backbones/resnet.h"

namespace medsweep::models {
namespace {

using MakeBackbone = std::shared_ptr<Backbone> (*)(const BackboneOptions&);

template <ResNetPlan kPlan>
std::shared_ptr<Backbone> make_resnet(const BackboneOptions& options) {
  return std::make_shared<ResNet>(kPlan, options);
}

constexpr ResNetPlan kResNet18{ResidualKind::kBasic, {2, 2, 2, 2}};
constexpr ResNetPlan kResNet34{ResidualKind::kBasic, {3, 4, 6, 3}};
constexpr ResNetPlan kResNet50{ResidualKind::kBottleneck, {3, 4, 6, 3}};
constexpr ResNetPlan kResNet101{ResidualKind::kBottleneck, {3, 4, 23, 3}};
constexpr ResNetPlan kResNet152{ResidualKind::kBottleneck, {3, 8, 36, 3}};
constexpr ResNetPlan kResNeXt50{ResidualKind::kBottleneck, {3, 4, 6, 3}, 32, 4};

constexpr std::array kBackbones{
    Entry<MakeBackbone>{"resnet18", "r18", "models/backbones/resnet", make_resnet<kResNet18>,
                        "ResNet of 8 basic blocks, 11.2 M parameters"},
    Entry<MakeBackbone>{"resnet34", "r34", "models/backbones/resnet", make_resnet<kResNet34>,
                        "ResNet of 16 basic blocks, 21.3 M parameters"},
    Entry<MakeBackbone>{"resnet50", "r50", "models/backbones/resnet", make_resnet<kResNet50>,
                        "ResNet of 16 bottlenecks, 23.5 M parameters"},
    Entry<MakeBackbone>{"resnet101", "r101", "models/backbones/resnet", make_resnet<kResNet101>,
                        "ResNet of 33 bottlenecks, 42.5 M parameters"},
    Entry<MakeBackbone>{"resnet152", "r152", "models/backbones/resnet", make_resnet<kResNet152>,
                        "ResNet of 50 bottlenecks, 58.1 M parameters"},
    Entry<MakeBackbone>{"resnext50_32x4d", "x50", "models/backbones/resnet",
                        make_resnet<kResNeXt50>,
                        "ResNet of 16 bottlenecks in 32 groups, 23.0 M parameters"},
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

std::shared_ptr<Backbone> make_backbone(std::string_view name, const BackboneOptions& options) {
  const auto& entry = find("backbone", kBackbones, name);
  if (options.in_channels < 1)
    throw std::invalid_argument(fmt::format(
        "[backbone.{}] {} input channels; at least 1 is allowed", name, options.in_channels));
  return entry.make(options);
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
