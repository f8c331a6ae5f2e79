#pragma once

#include <torch/nn.h>

#include <vector>

#include "models/backbones/backbones.h"
#include "models/backbones/feature_pyramid.h"
#include "models/layers/gray_enhancement.h"
#include "models/mask_rcnn/options.h"
#include "models/mask_rcnn/roi_heads.h"
#include "models/mask_rcnn/rpn.h"

namespace medsweep::models {

/// Backbone and pyramid. Keys: body.*, fpn.*; enhancement.* where a grey image is enhanced first.
class PyramidBackboneImpl : public torch::nn::Module {
 public:
  explicit PyramidBackboneImpl(const MaskRcnnOptions& options);
  /// [N, in, H, W] -> five levels with steps 4, 8, 16, 32, 64, each [N, C, h, w], of the
  /// precision's type.
  std::vector<torch::Tensor> forward(const torch::Tensor& images);

 private:
  Precision precision_;
  GrayEnhancement enhancement_{nullptr};
  std::shared_ptr<Backbone> body_;
  FeaturePyramid fpn_{nullptr};
};
TORCH_MODULE(PyramidBackbone);

/// One task's network: everything that it does not share.
/// torchvision's keys: backbone.body.*, backbone.fpn.*, rpn.head.*, roi_heads.*.
class RcnnTowerImpl : public torch::nn::Module {
 public:
  RcnnTowerImpl(const MaskRcnnOptions& options, const RcnnTask& task);

  PyramidBackbone backbone{nullptr};
  RegionProposals rpn{nullptr};
  RoiHeads roi_heads{nullptr};
};
TORCH_MODULE(RcnnTower);

/// Fills a tower's parameters as torchvision does (but biases of the mask predictor are 0), with
/// this project's random numbers; returns the index after the last parameter (see initialize).
std::uint64_t initialize_tower(RcnnTowerImpl& tower, std::uint64_t seed, std::uint64_t first);

}  // namespace medsweep::models
