#include "models/mask_rcnn/tower.h"

#include <string>

#include "models/init.h"
#include "models/precision.h"

namespace medsweep::models {
namespace {

constexpr std::size_t kPyramidLevels = 5;

FeaturePyramidOptions pyramid_options_of(const MaskRcnnOptions& options,
                                         std::vector<std::int64_t> channels) {
  FeaturePyramidOptions pyramid;
  pyramid.in_channels = std::move(channels);
  pyramid.channels = options.pyramid_channels;
  pyramid.batch_statistics = options.backbone_options.batch_statistics;
  if (options.version == RcnnVersion::kV2) pyramid.normalization = "batch";
  const auto place = options.attention.find("fpn");
  if (place != options.attention.end()) pyramid.attention = place->second;
  return pyramid;
}

// A weight that initialize() filled with deviation 0.02 gets 0.01.
void halve_weights(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (const auto& parameter : module.parameters())
    if (parameter.dim() > 1) parameter.mul_(0.5);
}

}  // namespace

PyramidBackboneImpl::PyramidBackboneImpl(const MaskRcnnOptions& options)
    : precision_(options.precision) {
  if (options.gray == GrayInput::kEnhanced) {
    GrayEnhancementOptions enhancement;
    enhancement.channels = options.backbone_options.in_channels;
    enhancement.batch_statistics = options.backbone_options.batch_statistics;
    enhancement_ = register_module("enhancement", GrayEnhancement(enhancement));
  }
  body_ = register_module("body", make_backbone(options.backbone, options.backbone_options));
  fpn_ = register_module("fpn", FeaturePyramid(pyramid_options_of(options, body_->channels())));
}

std::vector<torch::Tensor> PyramidBackboneImpl::forward(const torch::Tensor& images) {
  const AutocastGuard autocast(precision_, images.device().type());
  return fpn_->forward(body_->forward(enhancement_ ? enhancement_->forward(images) : images));
}

RcnnTowerImpl::RcnnTowerImpl(const MaskRcnnOptions& options, const RcnnTask& task) {
  backbone = register_module("backbone", PyramidBackbone(options));
  rpn = register_module("rpn", RegionProposals(options, kPyramidLevels));
  roi_heads = register_module("roi_heads", RoiHeads(options, task.classes));
}

std::uint64_t initialize_tower(RcnnTowerImpl& tower, std::uint64_t seed, std::uint64_t first) {
  const auto fill = [&](torch::nn::Module& module, const std::string& child, const char* name) {
    const auto children = module.named_children();
    if (children.contains(child)) first = initialize(*children[child], name, seed, first);
  };
  fill(*tower.backbone, "enhancement", "default");
  fill(*tower.backbone, "body", "kaiming_fan_out");
  fill(*tower.backbone, "fpn", "uniform");
  first = initialize(*tower.rpn, "normal", seed, first);
  halve_weights(*tower.rpn);
  const auto heads = tower.roi_heads->named_children();
  for (const auto& head : heads) {
    const bool convolves =
        head.key().starts_with("mask") || !head.value()->named_children().contains("fc6");
    const bool predicts = head.key() == "box_predictor";
    fill(*tower.roi_heads, head.key(), convolves && !predicts ? "kaiming_fan_out" : "default");
  }
  fill(*heads["box_head"], "5", "default");
  return first;
}

}  // namespace medsweep::models
