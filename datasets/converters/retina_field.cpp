#include "datasets/converters/retina_field.h"

#include <torch/torch.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "datasets/converters/mask_shapes.h"

namespace medsweep::datasets {
namespace {

constexpr double kCornerShare = 1.0 / 20, kWayInside = 0.2, kDarkShare = 0.5;

/// The value below which `share` of the values lie.
double level_at(const torch::Tensor& values, double share) {
  const torch::Tensor flat = values.flatten();
  const auto rank = static_cast<std::int64_t>(share * static_cast<double>(flat.numel() - 1));
  return std::get<0>(flat.kthvalue(rank + 1)).item<double>();
}

double corner_level(const torch::Tensor& levels) {
  const std::int64_t height = levels.size(0), width = levels.size(1);
  const auto side = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(static_cast<double>(std::min(height, width)) * kCornerShare));
  std::vector<torch::Tensor> corners;
  for (const std::int64_t y : {std::int64_t{0}, height - side})
    for (const std::int64_t x : {std::int64_t{0}, width - side})
      corners.push_back(levels.narrow(0, y, side).narrow(1, x, side).flatten());
  return level_at(torch::cat(corners), 0.5);
}

}  // namespace

torch::Tensor retina_field(const torch::Tensor& image) {
  const torch::Tensor levels = image[0]
                                   .to(torch::kFloat32)
                                   .mul_(0.299)
                                   .add_(image[1].to(torch::kFloat32), 0.587)
                                   .add_(image[2].to(torch::kFloat32), 0.114);
  const double surround = corner_level(levels), retina = level_at(levels, 0.75);
  if (surround >= kDarkShare * retina) return torch::ones(levels.sizes(), torch::kUInt8);
  const torch::Tensor inside =
      levels.gt(surround + kWayInside * (retina - surround)).to(torch::kUInt8);
  const std::vector<MaskComponent> largest = largest_components(inside, 1);
  return largest.empty() ? inside : fill_holes(largest.front().mask);
}

}  // namespace medsweep::datasets
