#include "datasets/mini_masks.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

/// How `parts` equal parts of an interval are made of the pixels [first, first + k) of an axis.
struct PixelWeights {
  std::int64_t first = 0;
  torch::Tensor weights;  ///< [parts, k] float32; k may be 0
};

/// The share of pixel [at, at + 1) in a part of this width about `centre`.
double pixel_weight(double at, double centre, double width) {
  if (width <= 1) return std::max(0.0, 1 - std::abs(at + 0.5 - centre));
  const double overlap = std::min(at + 1, centre + width / 2) - std::max(at, centre - width / 2);
  return std::max(0.0, overlap) / width;
}

/// Of [low, high) cut in `parts`, on an axis of `pixels`. What lies outside of it counts as empty.
PixelWeights pixel_weights(double low, double high, std::int64_t parts, std::int64_t pixels) {
  const double width = (high - low) / static_cast<double>(parts);
  const std::int64_t first =
      std::clamp(static_cast<std::int64_t>(std::floor(low)) - 1, std::int64_t{0}, pixels);
  const std::int64_t last =
      std::clamp(static_cast<std::int64_t>(std::ceil(high)) + 1, first, pixels);
  torch::Tensor weights = torch::zeros({parts, last - first});
  auto out = weights.accessor<float, 2>();
  for (std::int64_t i = 0; i < parts; ++i)
    for (std::int64_t k = 0; k < last - first; ++k)
      out[i][k] = static_cast<float>(pixel_weight(
          static_cast<double>(first + k), low + (static_cast<double>(i) + 0.5) * width, width));
  return {first, weights};
}

/// mask: [H, W] uint8; box: x1, y1, x2, y2 -> [h, w] uint8.
torch::Tensor mini_mask(const torch::Tensor& mask, const float* box, const Extent& size) {
  const bool has_area = box[2] > box[0] && box[3] > box[1] && std::isfinite(box[2] - box[0]) &&
                        std::isfinite(box[3] - box[1]);
  if (!has_area) return torch::zeros({size.height, size.width}, torch::kUInt8);
  const PixelWeights rows = pixel_weights(box[1], box[3], size.height, mask.size(0));
  const PixelWeights columns = pixel_weights(box[0], box[2], size.width, mask.size(1));
  const torch::Tensor pixels = mask.narrow(0, rows.first, rows.weights.size(1))
                                   .narrow(1, columns.first, columns.weights.size(1))
                                   .to(torch::kFloat);
  const torch::Tensor covered = rows.weights.matmul(pixels).matmul(columns.weights.t());
  const torch::Tensor rounded = (255 * covered).round().clamp(0, 255);
  return torch::where(covered > 0, rounded.clamp_min(1), rounded).to(torch::kUInt8);
}

}  // namespace

Instances with_mini_masks(Instances objects, const Extent& size) {
  if (size.height < 1 || size.width < 1)
    throw std::invalid_argument(
        fmt::format("[mini_masks] {} x {}; at least 1 x 1 is allowed", size.height, size.width));
  if (!objects.masks.defined()) return objects;
  const std::int64_t count = objects.masks.size(0);
  const torch::Tensor boxes = objects.boxes.to(torch::kFloat).contiguous();
  objects.mini_masks = torch::empty({count, size.height, size.width}, torch::kUInt8);
  for (std::int64_t i = 0; i < count; ++i)
    objects.mini_masks[i] =
        mini_mask(objects.masks[i], boxes.const_data_ptr<float>() + 4 * i, size);
  objects.masks.reset();
  return objects;
}

}  // namespace medsweep::datasets
