#include "models/segmentation/h_dense_unet.h"

#include <stdexcept>

#include "models/layers/convolution3d.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kSeenSlices = 3;
constexpr std::int64_t kFusedWidth = 64;
constexpr double kFusionDropout = 0.3;
constexpr std::int64_t kSmallestPlane = 32, kSmallestDepth = 8;

DenseUNetOptions planar_options(const NetworkOptions& options) {
  return {.dimensions = 2,
          .in_channels = kSeenSlices * options.in_channels,
          .growth = 48,
          .blocks = {6, 12, 36, 24},
          .decoders = {768, 384, 96, 96, kFusedWidth},
          .skips = DenseUNetOptions::Skips::kSummed,
          .statistics = options.batch_statistics};
}

DenseUNetOptions spatial_options(const NetworkOptions& options) {
  return {.dimensions = 3,
          .in_channels = options.in_channels + options.out_channels,
          .growth = 32,
          .blocks = {3, 4, 12, 8},
          .decoders = {504, 224, 192, 96, kFusedWidth},
          .skips = DenseUNetOptions::Skips::kNone,
          .statistics = options.batch_statistics};
}

/// Each slice with its neighbours: [N, C, D, H, W] -> [N D, 3 C, H, W].
torch::Tensor slices_with_neighbours(const torch::Tensor& volumes) {
  const std::int64_t depth = volumes.size(2);
  const torch::Tensor index = torch::arange(depth, volumes.device());
  const torch::Tensor seen = torch::cat({volumes.index_select(2, (index - 1).clamp_min(0)), volumes,
                                         volumes.index_select(2, (index + 1).clamp_max(depth - 1))},
                                        1);
  return seen.transpose(1, 2).flatten(0, 1);
}

/// [N D, C, H, W] -> [N, C, D, H, W].
torch::Tensor stacked(const torch::Tensor& slices, std::int64_t depth) {
  return slices.unflatten(0, {-1, depth}).transpose(1, 2);
}

void set_trained(torch::nn::Module& module, bool on) {
  for (auto& parameter : module.parameters()) parameter.set_requires_grad(on);
}

}  // namespace

HDenseUNet::HDenseUNet(const NetworkOptions& options) : options_(options), attention_(options, 3) {
  planar_ = register_module("planar", DenseUNet(planar_options(options)));
  planar_head_ = register_module("planar_head", torch::nn::Conv2d(torch::nn::Conv2dOptions(
                                                    kFusedWidth, options.out_channels, 1)));
  spatial_ = register_module("spatial", DenseUNet(spatial_options(options)));
  fusion_ = register_module(
      "fusion", Convolution3d(torch::nn::Conv3dOptions(kFusedWidth, kFusedWidth, 3).padding(1)));
  dropout_ = register_module("dropout", Dropout(options.dropout.value_or(kFusionDropout)));
  fusion_norm_ = register_module(
      "fusion_norm", BatchNorm2d(BatchNorm2dOptions{kFusedWidth, options.batch_statistics}));
  head_ = register_module(
      "head", Convolution3d(torch::nn::Conv3dOptions(kFusedWidth, options.out_channels, 1)));
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
  set_stage();
}

void HDenseUNet::set_stage() {
  const HybridStage stage = options_.hybrid_stage;
  set_trained(*planar_, stage != HybridStage::kSpatial);
  set_trained(*planar_head_, stage != HybridStage::kSpatial);
  set_trained(*spatial_, stage != HybridStage::kPlanar);
  set_trained(*fusion_, stage != HybridStage::kPlanar);
  set_trained(*fusion_norm_, stage != HybridStage::kPlanar);
  set_trained(*head_, stage != HybridStage::kPlanar);
  if (stage != HybridStage::kSpatial) return;
  for (const auto& module : planar_->modules())
    if (auto* norm = module->as<BatchNorm2dImpl>()) norm->freeze();
}

NetworkShape HDenseUNet::shape(const NetworkOptions& options) {
  NetworkShape shape;
  shape.dimensions = 3;
  shape.smallest_side = kSmallestDepth;
  shape.largest_side = shape.smallest_plane = kSmallestPlane;
  const DenseUNetOptions spatial = spatial_options(options);
  shape.encoder = DenseUNetImpl::encoder_widths(spatial);
  shape.skip.assign(shape.encoder.size() - 1, 0);
  shape.decoder.assign(spatial.decoders.rbegin() + 1, spatial.decoders.rend());
  shape.halvings = {1, 2, 2, 2, 2};  // of the depth
  if (options.hybrid_stage == HybridStage::kPlanar && options.attention.name != "none")
    throw std::invalid_argument(
        "[attention] of the 3-D part in stage \"2d\", which has none; stages \"3d\" and \"all\" "
        "are allowed");
  return shape;
}

std::pair<torch::Tensor, torch::Tensor> HDenseUNet::planar(const torch::Tensor& volumes) {
  const torch::AutoGradMode gradients(torch::GradMode::is_enabled() &&
                                      options_.hybrid_stage != HybridStage::kSpatial);
  const torch::Tensor features = planar_->forward(slices_with_neighbours(volumes));
  const std::int64_t depth = volumes.size(2);
  return {stacked(features, depth), stacked(planar_head_->forward(features), depth)};
}

torch::Tensor HDenseUNet::forward(const torch::Tensor& volumes) {
  check_volumes("model.h_denseunet", volumes, options_.in_channels, shape(options_));
  const auto [slices, scores] = planar(volumes);
  if (options_.hybrid_stage == HybridStage::kPlanar) return scores.contiguous();
  const torch::Tensor seen = torch::cat({volumes, scores.to(volumes.scalar_type())}, 1);
  const torch::Tensor features =
      spatial_->forward(seen, [this](const std::string& place, const torch::Tensor& map) {
        return attention_->at(place, map);
      });
  torch::Tensor fused = dropout_->forward(fusion_->forward(features + slices));
  fused = fusion_norm_->forward_rectified(fused, relu());
  return head_->forward(fused);
}

}  // namespace medsweep::models
