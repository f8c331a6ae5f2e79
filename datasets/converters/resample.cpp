#include "datasets/converters/resample.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

constexpr double kThick = 3;           // times the smallest spacing
constexpr double kSame = 1e-4;         // of a step
constexpr std::int64_t kPadding = 12;  // |pole|^12 is 1e-7
const double kPole = std::sqrt(3.0) - 2;

bool is_thick(const std::vector<double>& spacing, std::size_t axis) {
  return spacing[axis] > kThick * *std::ranges::min_element(spacing);
}

bool any_is_thick(const std::vector<double>& spacing) {
  return is_thick(spacing, static_cast<std::size_t>(
                               std::distance(spacing.begin(), std::ranges::max_element(spacing))));
}

/// Coefficients of the cubic B-spline through [n, rest], both edges going on (Unser, Aldroubi and
/// Eden, IEEE TSP 41(2), 1993): [n + 2 kPadding, rest].
torch::Tensor spline_coefficients(const torch::Tensor& values) {
  const std::int64_t n = values.size(0) + 2 * kPadding;
  const auto edge = [&](std::int64_t at) { return values.narrow(0, at, 1).expand({kPadding, -1}); };
  const torch::Tensor rows = torch::cat({edge(0), values, edge(values.size(0) - 1)}) * 6;
  rows[0].div_(1 - kPole);
  for (std::int64_t i = 1; i < n; ++i) rows[i].add_(rows[i - 1], kPole);
  rows[n - 1].add_(rows[n - 2], kPole).mul_(kPole / (kPole * kPole - 1));
  for (std::int64_t i = n - 2; i >= 0; --i) rows[i].neg_().add_(rows[i + 1]).mul_(kPole);
  return rows;
}

std::array<double, 4> spline_weights(double t) {
  const double u = 1 - t;
  return {u * u * u / 6, 2.0 / 3 - t * t * (2 - t) / 2, 2.0 / 3 - u * u * (2 - u) / 2,
          t * t * t / 6};
}

torch::Tensor row_at_spline(const torch::Tensor& coefficients, double at) {
  const double base = std::floor(at);
  const std::array<double, 4> weights = spline_weights(at - base);
  const std::int64_t first = static_cast<std::int64_t>(base) - 1 + kPadding;
  torch::Tensor row = coefficients[first] * weights[0];
  for (std::int64_t k = 1; k < 4; ++k)
    row.add_(coefficients[first + k], weights[static_cast<std::size_t>(k)]);
  return row;
}

torch::Tensor row_at_linear(const torch::Tensor& values, double at) {
  const double inside = std::clamp(at, 0.0, static_cast<double>(values.size(0) - 1));
  const auto low = static_cast<std::int64_t>(inside);
  const std::int64_t high = std::min(low + 1, values.size(0) - 1);
  const double share = inside - static_cast<double>(low);
  return values[low] * (1 - share) + values[high] * share;
}

torch::Tensor row_at_nearest(const torch::Tensor& values, double at) {
  // Halves go to the lower voxel, but not by the last bit of a sum.
  const auto nearest = static_cast<std::int64_t>(std::ceil(at - 0.5 - 1e-9));
  return values[std::clamp<std::int64_t>(nearest, 0, values.size(0) - 1)];
}

enum class Smooth { kSpline, kLinear };

/// [..., D, H, W] float32 along one of its last three axes.
torch::Tensor along_axis(const torch::Tensor& volume, const Grid& grid, std::size_t axis,
                         Smooth smooth) {
  if (grid.axes[axis] == Grid::Axis::kKept) return volume;
  const std::int64_t position = volume.dim() - 3 + static_cast<std::int64_t>(axis);
  const torch::Tensor front = volume.movedim(position, 0).contiguous();
  const torch::Tensor values = front.reshape({front.size(0), -1});
  const bool nearest = grid.axes[axis] == Grid::Axis::kNearest;
  const bool spline = !nearest && smooth == Smooth::kSpline;
  const torch::Tensor nodes = spline ? spline_coefficients(values) : values;
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < grid.size[axis]; ++i) {
    const double at = grid.first[axis] + static_cast<double>(i) * grid.step[axis];
    rows.push_back(nearest  ? row_at_nearest(nodes, at)
                   : spline ? row_at_spline(nodes, at)
                            : row_at_linear(nodes, at));
  }
  std::vector<std::int64_t> shape = front.sizes().vec();
  shape[0] = grid.size[axis];
  return torch::stack(rows).reshape(shape).movedim(0, position);
}

torch::Tensor along_all(torch::Tensor volume, const Grid& grid, Smooth smooth) {
  for (std::size_t axis = 0; axis < 3; ++axis) volume = along_axis(volume, grid, axis, smooth);
  return volume.contiguous();
}

bool keeps_all(const Grid& grid) {
  return std::ranges::all_of(grid.axes, [](Grid::Axis axis) { return axis == Grid::Axis::kKept; });
}

}  // namespace

Grid grid_of(const std::array<std::int64_t, 3>& size, const std::vector<double>& spacing,
             const std::vector<double>& wanted) {
  if (wanted.size() != 3 || !std::ranges::all_of(wanted, [](double mm) { return mm >= 0; }))
    throw std::invalid_argument(
        fmt::format("[spacing] {}; three lengths in mm along depth, height and width are allowed, "
                    "0 leaves an axis alone",
                    fmt::join(wanted, " x ")));
  if (spacing.size() != 3)
    throw std::invalid_argument("[spacing] it is unknown, so there is nothing to resample from");
  Grid grid{.size = size, .first = {0, 0, 0}, .step = {1, 1, 1}};
  std::vector<double> made = spacing;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (wanted[axis] > 0) made[axis] = wanted[axis];
  const std::vector<double>& deciding = any_is_thick(spacing) ? spacing : made;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double step = made[axis] / spacing[axis];
    if (std::abs(step - 1) < kSame) continue;
    const auto old_size = static_cast<double>(size[axis]);
    grid.step[axis] = step;
    grid.size[axis] = std::max<std::int64_t>(1, std::llround(old_size / step));
    grid.first[axis] = (old_size - 1 - static_cast<double>(grid.size[axis] - 1) * step) / 2;
    grid.axes[axis] = is_thick(deciding, axis) ? Grid::Axis::kNearest : Grid::Axis::kSmooth;
  }
  return grid;
}

torch::Tensor resample_image(const torch::Tensor& image, const Grid& grid) {
  if (keeps_all(grid)) return image;
  const torch::Tensor values = image.to(torch::kFloat32);
  torch::Tensor made = along_all(values, grid, Smooth::kSpline);
  made = torch::min(torch::max(made, values.amin({1, 2, 3}, true)), values.amax({1, 2, 3}, true));
  return image.is_floating_point() ? made : made.round().to(image.scalar_type());
}

torch::Tensor resample_labels(const torch::Tensor& labels, const Grid& grid) {
  if (keeps_all(grid)) return labels;
  torch::Tensor made, best;
  for (std::int64_t label = 0; label <= labels.max().item<std::int64_t>(); ++label) {
    const torch::Tensor of_label = labels.eq(label);
    if (!of_label.any().item<bool>()) continue;
    const torch::Tensor share = along_all(of_label.to(torch::kFloat32), grid, Smooth::kLinear);
    if (!best.defined()) {
      best = share;
      made = torch::full_like(share, label, torch::kUInt8);
      continue;
    }
    made.masked_fill_(share.gt(best + 1e-5), label);
    best = torch::max(best, share);
  }
  return made;
}

}  // namespace medsweep::datasets
