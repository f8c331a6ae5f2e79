#include "datasets/augmentation/boxes.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>

namespace medsweep::datasets {
namespace {

// Points along each side of a box: its corners, and between them where sides bend.
constexpr int kPointsOfASide = 8;

struct Bounds {
  double left = std::numeric_limits<double>::max(), top = left;
  double right = std::numeric_limits<double>::lowest(), bottom = right;

  void include(double x, double y) {
    left = std::min(left, x);
    right = std::max(right, x);
    top = std::min(top, y);
    bottom = std::max(bottom, y);
  }
};

void write_clipped(const Bounds& bounds, double height, double width, float* box) {
  const double left = std::max(bounds.left, 0.0), right = std::min(bounds.right, width);
  const double top = std::max(bounds.top, 0.0), bottom = std::min(bounds.bottom, height);
  const bool gone = !(right > left && bottom > top);
  box[0] = gone ? 0 : static_cast<float>(left);
  box[1] = gone ? 0 : static_cast<float>(top);
  box[2] = gone ? 0 : static_cast<float>(right);
  box[3] = gone ? 0 : static_cast<float>(bottom);
}

Bounds moved_bounds(const float* box, const Geometry& geometry) {
  Bounds bounds;
  const double left = box[0], top = box[1], right = box[2], bottom = box[3];
  const auto include = [&](double x, double y) {
    // A box's coordinates count from the edge of the first pixel, places from its middle.
    const Point moved = geometry.target_of({0, y - 0.5, x - 0.5});
    bounds.include(moved[2] + 0.5, moved[1] + 0.5);
  };
  for (int i = 0; i <= kPointsOfASide; ++i) {
    const double share = static_cast<double>(i) / kPointsOfASide;
    const double x = left + share * (right - left), y = top + share * (bottom - top);
    include(x, top);
    include(x, bottom);
    include(left, y);
    include(right, y);
  }
  return bounds;
}

}  // namespace

torch::Tensor bounds_of(const torch::Tensor& masks) {
  const torch::Tensor dense = masks.contiguous();
  const std::int64_t count = dense.size(0), height = dense.size(1), width = dense.size(2);
  torch::Tensor boxes = torch::zeros({count, 4});
  const auto* row = dense.const_data_ptr<std::uint8_t>();
  for (std::int64_t n = 0; n < count; ++n) {
    Bounds bounds;
    for (std::int64_t y = 0; y < height; ++y, row += width) {
      const auto* const first =
          std::find_if(row, row + width, [](auto value) { return value != 0; });
      if (first == row + width) continue;
      const auto* last = row + width - 1;
      while (*last == 0) --last;
      bounds.include(static_cast<double>(first - row), static_cast<double>(y));
      bounds.include(static_cast<double>(last - row + 1), static_cast<double>(y + 1));
    }
    write_clipped(bounds, static_cast<double>(height), static_cast<double>(width),
                  boxes.mutable_data_ptr<float>() + 4 * n);
  }
  return boxes;
}

torch::Tensor moved_boxes(const torch::Tensor& boxes, const Geometry& geometry) {
  const torch::Tensor old = boxes.contiguous();
  torch::Tensor moved = torch::zeros({old.size(0), 4});
  const auto height = static_cast<double>(geometry.size()[1]);
  const auto width = static_cast<double>(geometry.size()[2]);
  for (std::int64_t n = 0; n < old.size(0); ++n)
    write_clipped(moved_bounds(old.const_data_ptr<float>() + 4 * n, geometry), height, width,
                  moved.mutable_data_ptr<float>() + 4 * n);
  return moved;
}

}  // namespace medsweep::datasets
