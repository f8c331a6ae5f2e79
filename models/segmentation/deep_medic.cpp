#include "models/segmentation/deep_medic.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <array>
#include <stdexcept>

namespace medsweep::models {
namespace {

constexpr std::array<std::int64_t, 8> kPathwayWidths{30, 30, 40, 40, 40, 40, 50, 50};
constexpr std::int64_t kFullyConnected = 150;
constexpr double kDroppedFeatures = 0.5;
constexpr std::int64_t kReduction = 3;
constexpr std::int64_t kSmallestPatch = 51;  // three voxels without its margin
constexpr std::int64_t kPathwayLoss = 8;     // voxels on each side

Convolution3d bare_convolution(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return Convolution3d(torch::nn::Conv3dOptions(in, out, kernel).bias(false));
}

/// [N, C, D, H, W] without `voxels` on each side.
torch::Tensor inner(torch::Tensor volumes, std::int64_t voxels) {
  for (std::int64_t axis = 2; axis < 5; ++axis)
    volumes = volumes.narrow(axis, voxels, volumes.size(axis) - 2 * voxels);
  return volumes;
}

}  // namespace

DeepMedicPathwayImpl::DeepMedicPathwayImpl(std::int64_t in_channels,
                                           const NetworkOptions& options) {
  std::int64_t channels = in_channels;
  for (std::size_t i = 0; i < kPathwayWidths.size(); ++i) {
    convolutions_.push_back(register_module(fmt::format("convolution{}", i),
                                            bare_convolution(channels, kPathwayWidths[i], 3)));
    channels = kPathwayWidths[i];
    normalizations_.push_back(
        register_module(fmt::format("normalization{}", i),
                        BatchNorm2d(BatchNorm2dOptions{channels, options.batch_statistics})));
  }
}

torch::Tensor DeepMedicPathwayImpl::forward(torch::Tensor features) {
  for (std::size_t i = 0; i < convolutions_.size(); ++i)
    features = normalizations_[i]->forward_rectified(convolutions_[i]->forward(features), relu());
  return features;
}

DeepMedic::DeepMedic(const NetworkOptions& options) : options_(options), attention_(options, 3) {
  normal_ = register_module("normal", DeepMedicPathway(options.in_channels, options));
  reduced_ = register_module("reduced", DeepMedicPathway(options.in_channels, options));
  const double dropped = options.dropout.value_or(kDroppedFeatures);
  const BatchNorm2dOptions norm{kFullyConnected, options.batch_statistics};
  fully1_ =
      register_module("fully1", bare_convolution(2 * kPathwayWidths.back(), kFullyConnected, 1));
  fully1_norm_ = register_module("fully1_norm", BatchNorm2d(norm));
  dropout1_ = register_module("dropout1", Dropout(dropped));
  fully2_ = register_module("fully2", bare_convolution(kFullyConnected, kFullyConnected, 1));
  fully2_norm_ = register_module("fully2_norm", BatchNorm2d(norm));
  dropout2_ = register_module("dropout2", Dropout(dropped));
  head_ = register_module(
      "head", Convolution3d(torch::nn::Conv3dOptions(kFullyConnected, options.out_channels, 1)));
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
}

// With a third of the size the loss of 8 on each side is one of 24: what is left are the same
// voxels.
torch::Tensor DeepMedic::inner_logits(const torch::Tensor& volumes) {
  const torch::Tensor normal = normal_->forward(inner(volumes, kMargin - kPathwayLoss));
  const torch::Tensor reduced = reduced_->forward(torch::avg_pool3d(volumes, kReduction));
  torch::Tensor features =
      torch::cat({normal, torch::upsample_nearest3d(reduced, normal.sizes().slice(2))}, 1);
  features = attention_->after_encoder(0, features);
  features =
      dropout1_->forward(fully1_norm_->forward_rectified(fully1_->forward(features), relu()));
  features =
      dropout2_->forward(fully2_norm_->forward_rectified(fully2_->forward(features), relu()));
  return head_->forward(features);
}

NetworkShape DeepMedic::shape(const NetworkOptions& options) {
  NetworkShape shape;
  shape.dimensions = 3;
  shape.size_multiple = kReduction;
  shape.smallest_side = shape.largest_side = kSmallestPatch;
  shape.encoder = {2 * kPathwayWidths.back()};
  if (attention_traits(options.attention.name).least_dimensions == 3)
    throw std::invalid_argument(
        fmt::format("[attention] '{}' in deepmedic, where training sees fewer slices than "
                    "prediction; attention for any number of them is allowed",
                    options.attention.name));
  return shape;
}

torch::Tensor DeepMedic::forward(const torch::Tensor& volumes) {
  NetworkShape any = shape(options_);
  any.smallest_side = any.largest_side = kReduction;
  check_volumes("model.deepmedic", volumes, options_.in_channels, any);
  const std::vector<std::int64_t> padding(6, kMargin);
  return inner_logits(torch::constant_pad_nd(volumes, padding, 0));
}

NetworkOutputs DeepMedic::outputs(const torch::Tensor& volumes) {
  check_volumes("model.deepmedic", volumes, options_.in_channels, shape(options_));
  return {inner_logits(volumes)};
}

}  // namespace medsweep::models
