#include "datasets/augmentation/flip.h"

#include <algorithm>

namespace medsweep::datasets {
namespace {

// Along the last axis.
template <typename Value>
void reverse_rows(torch::Tensor& tensor) {
  tensor = tensor.contiguous();
  const std::int64_t width = tensor.size(-1);
  auto* row = tensor.mutable_data_ptr<Value>();
  for (std::int64_t i = 0; i < tensor.numel(); i += width) std::reverse(row + i, row + i + width);
}

// Along the axis that is `from_last` before the last: its slabs are exchanged.
template <typename Value>
void exchange_slabs(torch::Tensor& tensor, std::int64_t from_last) {
  tensor = tensor.contiguous();
  std::int64_t slab = 1;
  for (std::int64_t axis = 1; axis <= from_last; ++axis) slab *= tensor.size(-axis);
  const std::int64_t count = tensor.size(-1 - from_last);
  auto* block = tensor.mutable_data_ptr<Value>();
  for (std::int64_t i = 0; i < tensor.numel(); i += count * slab, block += count * slab)
    for (std::int64_t first = 0, last = count - 1; first < last; ++first, --last)
      std::swap_ranges(block + first * slab, block + (first + 1) * slab, block + last * slab);
}

template <typename Value>
void flip_tensor(torch::Tensor& tensor, std::size_t axis) {
  if (!tensor.defined() || tensor.numel() == 0) return;
  if (axis == 2)
    reverse_rows<Value>(tensor);
  else
    exchange_slabs<Value>(tensor, axis == 1 ? 1 : 2);
}

void flip_boxes(torch::Tensor& boxes, std::int64_t first, float side) {
  boxes = boxes.contiguous();
  auto* box = boxes.mutable_data_ptr<float>();
  for (std::int64_t n = 0; n < boxes.size(0); ++n, box += 4) {
    if (!(box[2] > box[0] && box[3] > box[1])) continue;  // gone before: nothing is left to move
    const float low = box[first], high = box[first + 2];
    box[first] = side - high;
    box[first + 2] = side - low;
  }
}

}  // namespace

void flip_axis(View& view, std::size_t axis) {
  flip_tensor<float>(view.image, axis);
  flip_tensor<std::int16_t>(view.labels, axis);
  if (axis == 0) return;
  flip_tensor<std::uint8_t>(view.masks, axis);
  if (view.boxes.defined())
    flip_boxes(view.boxes, axis == 2 ? 0 : 1,
               static_cast<float>(view.labels.size(axis == 2 ? -1 : -2)));
}

void flip_horizontally(View& view) { flip_axis(view, 2); }

void flip_vertically(View& view) { flip_axis(view, 1); }

Augmentation make_flip(const AugmentationOptions& options) {
  return moving([options](const View& view, Geometry& geometry, RandomStream& stream) {
    // All are always drawn: what follows does not depend on `axes`.
    const bool horizontal = stream.chance(options.probability);
    const bool vertical = stream.chance(options.probability);
    const bool deep = view.is_volume() && stream.chance(options.probability);
    const FlipAxes axes = options.axes;
    const bool plane = axes == FlipAxes::kBoth || axes == FlipAxes::kAll;
    if (horizontal && (plane || axes == FlipAxes::kHorizontal)) geometry.append_flip(2);
    if (vertical && (plane || axes == FlipAxes::kVertical)) geometry.append_flip(1);
    if (deep && (axes == FlipAxes::kDepth || axes == FlipAxes::kAll)) geometry.append_flip(0);
  });
}

}  // namespace medsweep::datasets
