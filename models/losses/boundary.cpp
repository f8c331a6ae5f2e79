#include "models/losses/boundary.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "base/distance_transform.h"
#include "models/losses/class_sums.h"
#include "models/losses/pixels.h"

namespace medsweep::models {
namespace {

/// The map [D, H, W] or [H, W] of `size` pixels at `map`, into `distances`.
void measure_map(const float* map, const GridShape& grid, float* distances) {
  const auto size = static_cast<std::size_t>(grid[0] * grid[1] * grid[2]);
  std::vector<std::uint8_t> inside(size), outside(size);
  std::size_t count = 0;
  for (std::size_t i = 0; i < size; ++i) {
    inside[i] = map[i] > 0 ? 1 : 0;
    outside[i] = 1 - inside[i];
    count += inside[i];
  }
  if (count == 0 || count == size) return;
  const std::vector<double> to_inside = squared_distances(inside, grid, {1, 1, 1});
  const std::vector<double> to_outside = squared_distances(outside, grid, {1, 1, 1});
  for (std::size_t i = 0; i < size; ++i)
    distances[i] =
        static_cast<float>(inside[i] != 0 ? 1 - std::sqrt(to_outside[i]) : std::sqrt(to_inside[i]));
}

}  // namespace

torch::Tensor signed_distances(const torch::Tensor& maps) {
  const torch::Tensor dense = maps.contiguous();
  torch::Tensor distances = torch::zeros_like(dense);
  const bool deep = maps.dim() == 5;
  const GridShape grid{deep ? maps.size(2) : 1, maps.size(-2), maps.size(-1)};
  const std::int64_t pixels = grid[0] * grid[1] * grid[2];
  const auto* const in = dense.const_data_ptr<float>();
  auto* const out = distances.mutable_data_ptr<float>();
  at::parallel_for(0, maps.size(0) * maps.size(1), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      measure_map(in + i * pixels, grid, out + i * pixels);
  });
  return distances;
}

Losses Boundary::operator()(const LossInput& input) const {
  torch::Tensor distances = signed_distances(class_maps(input, task_));
  if (const torch::Tensor mask = mask_of(input.labels); mask.defined())
    distances = distances * mask;
  const torch::Tensor sum = (probabilities_of(input, task_) * distances).sum();
  return {{"boundary", {sum * factor_, weights(input.labels).at("boundary")}}};
}

LossWeights Boundary::weights(const torch::Tensor& labels) const {
  return {{"boundary", static_cast<double>(count_pixels(labels) * task_.classes)}};
}

}  // namespace medsweep::models
