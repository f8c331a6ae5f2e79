#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "models/backbones/backbones.h"

namespace medsweep::models {

/// What distinguishes one EfficientNet from another.
struct EfficientNetPlan {
  double width, depth;    ///< factors of B0's channels and layers
  double eps = 1e-5;      ///< of the normalisation, whatever BackboneOptions say
  double momentum = 0.1;  ///< likewise
};

/// A stage of B0.
struct EfficientNetStage {
  std::int64_t expansion, kernel, stride, channels, layers;
};
inline constexpr std::array<EfficientNetStage, 7> kEfficientNetStages{{{1, 3, 1, 16, 1},
                                                                       {6, 3, 2, 24, 2},
                                                                       {6, 5, 2, 40, 2},
                                                                       {6, 3, 2, 80, 3},
                                                                       {6, 5, 1, 112, 3},
                                                                       {6, 5, 2, 192, 4},
                                                                       {6, 3, 1, 320, 1}}};

/// The multiple of 8 next to width * channels, but at least 90 % of it.
constexpr std::int64_t efficientnet_width(const EfficientNetPlan& plan, std::int64_t channels) {
  const double wanted = plan.width * static_cast<double>(channels);
  std::int64_t width = static_cast<std::int64_t>(wanted + 4) / 8 * 8;
  if (static_cast<double>(width) < 0.9 * wanted) width += 8;
  return width < 8 ? 8 : width;
}

/// C1...C5 of an EfficientNet: the stages before each stride, and the last.
constexpr std::array<std::int64_t, Backbone::kLevels> efficientnet_channels(
    const EfficientNetPlan& plan) {
  std::array<std::int64_t, Backbone::kLevels> channels{};
  std::size_t level = 0;
  for (std::size_t i = 0; i < kEfficientNetStages.size(); ++i)
    if (i + 1 == kEfficientNetStages.size() || kEfficientNetStages[i + 1].stride == 2)
      channels[level++] = efficientnet_width(plan, kEfficientNetStages[i].channels);
  return channels;
}

/// 1x1 convolution to `expansion` times the channels (none for 1), a convolution of each channel by
/// itself, squeeze and excitation, 1x1 convolution; normalisation after each convolution, SiLU
/// after the first two; plus the input where the shape is the same. Keys: block.0.0.weight,
/// block.0.1.* ..., of the excitation block.i.fc1.*, block.i.fc2.*.
class InvertedResidualImpl : public torch::nn::Module {
 public:
  InvertedResidualImpl(const EfficientNetStage& stage, std::int64_t in_channels,
                       const BackboneOptions& options);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  torch::nn::Sequential block_;
  bool adds_input_;
};
TORCH_MODULE(InvertedResidual);

/// A 3x3 convolution with stride 2 and seven stages of inverted residuals; C1...C5 are the maps
/// before each further stride, and the last stage's.
/// Tan, Le: EfficientNet, ICML 2019 (arXiv 1905.11946). torchvision's architecture and keys
/// (features.0.0.weight ...) without the last 1x1 convolution, the classifier and stochastic depth.
class EfficientNet : public Backbone {
 public:
  EfficientNet(const EfficientNetPlan& plan, const BackboneOptions& options);

 private:
  std::vector<torch::Tensor> run(const torch::Tensor& images, const AfterLevel& after) override;

  std::vector<torch::nn::Sequential> stages_;  ///< the stem first
};

}  // namespace medsweep::models
