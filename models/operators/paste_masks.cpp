#include "models/operators/paste_masks.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace medsweep::models {
namespace {

/// Whole pixels from `start` on, of which first ... last - 1 lie in the image.
struct PasteAxis {
  std::int64_t start = 0, length = 0;
  std::int64_t first = 0, last = 0;
};

PasteAxis paste_axis(float low, float high, float growth, std::int64_t image) {
  const float half = (high - low) * 0.5F * growth, centre = (high + low) * 0.5F;
  if (!std::isfinite(half) || !std::isfinite(centre)) return {};
  const auto whole = [](float value) {
    return static_cast<std::int64_t>(std::clamp(value, -1e12F, 1e12F));
  };
  const std::int64_t start = whole(centre - half), end = whole(centre + half);
  const std::int64_t length = std::max<std::int64_t>(end - start + 1, 1);
  return {start, length, std::clamp<std::int64_t>(start, 0, image),
          std::clamp<std::int64_t>(end + 1, 0, image)};
}

/// Position i of the axis lies between the pixels `low` and `high` of the padded mask.
struct PasteTap {
  std::int64_t low, high;
  float fraction;
};

PasteTap paste_tap(const PasteAxis& axis, std::int64_t position, std::int64_t size) {
  const float step = static_cast<float>(size) / static_cast<float>(axis.length);
  const float where =
      std::max(step * (static_cast<float>(position - axis.start) + 0.5F) - 0.5F, 0.0F);
  const std::int64_t low = std::min(static_cast<std::int64_t>(where), size - 1);
  return {low, std::min(low + 1, size - 1), where - static_cast<float>(low)};
}

// A row of the padded mask; row 0 and the last are zeros.
void copy_row(const float* mask, std::int64_t side, std::int64_t row, std::vector<float>& out) {
  std::fill(out.begin(), out.end(), 0.0F);
  if (row >= 1 && row <= side) std::copy_n(mask + (row - 1) * side, side, out.begin() + 1);
}

void paste_one(const float* mask, std::int64_t side, const float* box,
               const datasets::Extent& image, float* out) {
  const float growth = static_cast<float>(side + 2) / static_cast<float>(side);
  const PasteAxis columns = paste_axis(box[0], box[2], growth, image.width);
  const PasteAxis rows = paste_axis(box[1], box[3], growth, image.height);
  std::vector<PasteTap> taps;
  for (std::int64_t x = columns.first; x < columns.last; ++x)
    taps.push_back(paste_tap(columns, x, side + 2));
  std::vector<float> upper(static_cast<std::size_t>(side + 2)), lower(upper);
  for (std::int64_t y = rows.first; y < rows.last; ++y) {
    const PasteTap tap = paste_tap(rows, y, side + 2);
    copy_row(mask, side, tap.low, upper);
    copy_row(mask, side, tap.high, lower);
    for (std::size_t i = 0; i < upper.size(); ++i)
      upper[i] = (1.0F - tap.fraction) * upper[i] + tap.fraction * lower[i];
    float* const row = out + y * image.width + columns.first;
    for (std::size_t i = 0; i < taps.size(); ++i)
      row[i] = (1.0F - taps[i].fraction) * upper[static_cast<std::size_t>(taps[i].low)] +
               taps[i].fraction * upper[static_cast<std::size_t>(taps[i].high)];
  }
}

}  // namespace

torch::Tensor paste_masks(const torch::Tensor& masks, const torch::Tensor& boxes,
                          const datasets::Extent& image) {
  if (masks.dim() != 3 || masks.size(1) != masks.size(2) || masks.size(1) < 1 ||
      masks.scalar_type() != torch::kFloat)
    throw std::invalid_argument(
        fmt::format("[paste_masks] masks of {} dimensions, type {}; [n, M, M] of float32 are "
                    "allowed",
                    masks.dim(), c10::toString(masks.scalar_type())));
  if (boxes.dim() != 2 || boxes.size(1) != 4 || boxes.size(0) != masks.size(0) ||
      boxes.scalar_type() != torch::kFloat)
    throw std::invalid_argument(fmt::format(
        "[paste_masks] {} boxes of type {} for {} masks; four float32 for each are "
        "allowed",
        boxes.dim() > 0 ? boxes.size(0) : 0, c10::toString(boxes.scalar_type()), masks.size(0)));
  const torch::Tensor all = masks.contiguous(), places = boxes.contiguous();
  torch::Tensor result = torch::zeros({masks.size(0), image.height, image.width}, torch::kFloat);
  const std::int64_t side = masks.size(1), area = image.height * image.width;
  const float* const in = all.const_data_ptr<float>();
  const float* const at = places.const_data_ptr<float>();
  float* const out = result.mutable_data_ptr<float>();
  at::parallel_for(0, masks.size(0), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      paste_one(in + i * side * side, side, at + 4 * i, image, out + i * area);
  });
  return result;
}

}  // namespace medsweep::models
