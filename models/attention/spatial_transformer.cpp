#include "models/attention/spatial_transformer.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/layers/convolution3d.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kParts = 4;                // along each axis
constexpr std::int64_t kHidden = 32;              // numbers that theta is made of
constexpr double kFarthest = 0.25;                // of a coefficient from the identity's
constexpr std::int64_t kLinear = 0, kBorder = 1;  // as torch counts its modes

torch::nn::AnyModule halving(std::int64_t dimensions, std::int64_t in, std::int64_t out) {
  if (dimensions == 2)
    return torch::nn::AnyModule(
        torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1)));
  return torch::nn::AnyModule(
      Convolution3d(torch::nn::Conv3dOptions(in, out, 3).stride(2).padding(1)));
}

torch::Tensor means_of_parts(const torch::Tensor& maps) {
  if (maps.dim() == 4) return torch::adaptive_avg_pool2d(maps, {kParts, kParts}).flatten(1);
  return torch::adaptive_avg_pool3d(maps, {kParts, kParts, kParts}).flatten(1);
}

// [A | t] -> [A^-1 | -A^-1 t].
torch::Tensor inverse_of(const torch::Tensor& theta) {
  const std::int64_t dimensions = theta.size(1);
  const torch::Tensor inverse = at::linalg_inv(theta.narrow(2, 0, dimensions));
  return torch::cat({inverse, -torch::bmm(inverse, theta.narrow(2, dimensions, 1))}, 2);
}

}  // namespace

SpatialTransformerImpl::SpatialTransformerImpl(const SpatialTransformerOptions& options)
    : options_(options) {
  const std::int64_t d = options.dimensions;
  if (options.channels < 1 || d < 2 || d > 3)
    throw std::invalid_argument(
        fmt::format("[attention.stn] {} channels in {} dimensions; at least 1 in 2 or 3 is allowed",
                    options.channels, d));
  std::int64_t channels = options.channels, parts = 1;
  for (const std::int64_t width : {8, 16, 32}) {
    convolutions_.push_back(halving(d, channels, width));
    register_module(fmt::format("convolution{}", convolutions_.size() - 1),
                    convolutions_.back().ptr());
    channels = width;
  }
  for (std::int64_t axis = 0; axis < d; ++axis) parts *= kParts;
  fc_ = register_module("fc", torch::nn::Linear(channels * parts, kHidden));
  matrix_ = register_parameter("matrix", torch::zeros({d * (d + 1), kHidden}));
  offset_ = register_parameter("offset", torch::zeros(d * (d + 1)));
}

torch::Tensor SpatialTransformerImpl::theta_of(const torch::Tensor& images) {
  torch::Tensor features = images;
  for (auto& convolution : convolutions_) features = convolution.forward(features).relu_();
  const torch::Tensor hidden = fc_->forward(means_of_parts(features)).relu_();
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const torch::Tensor moved =
      torch::tanh(torch::linear(hidden.to(matrix_.scalar_type()), matrix_, offset_)) * kFarthest;
  const std::int64_t d = options_.dimensions;
  return moved.view({-1, d, d + 1}) + torch::eye(d, d + 1, moved.options());
}

torch::Tensor SpatialTransformerImpl::sampled(const torch::Tensor& maps,
                                              const torch::Tensor& theta) const {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const bool centers = options_.corners == GridCorners::kCenters;
  const torch::Tensor grid = torch::affine_grid_generator(theta, maps.sizes(), centers);
  return torch::grid_sampler(maps.to(theta.scalar_type()), grid, kLinear, kBorder, centers)
      .to(maps.scalar_type());
}

TransformedImages SpatialTransformerImpl::forward(const torch::Tensor& images) {
  if (images.dim() != options_.dimensions + 2 || images.size(1) != options_.channels)
    throw std::invalid_argument(fmt::format(
        "[attention.stn] images of {} axes and {} channels; {} axes and {} channels are allowed",
        images.dim(), images.dim() > 1 ? images.size(1) : 0, options_.dimensions + 2,
        options_.channels));
  const torch::Tensor theta = theta_of(images);
  return {sampled(images, theta), theta};
}

torch::Tensor SpatialTransformerImpl::restore(const torch::Tensor& maps,
                                              const torch::Tensor& theta) const {
  return sampled(maps, inverse_of(theta));
}

}  // namespace medsweep::models
