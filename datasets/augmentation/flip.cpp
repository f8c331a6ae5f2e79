#include "datasets/augmentation/flip.h"

#include <algorithm>

namespace medsweep::datasets {
namespace {

template <typename Value>
void reverse_rows(torch::Tensor& tensor) {
  tensor = tensor.contiguous();
  const std::int64_t width = tensor.size(-1);
  auto* row = tensor.mutable_data_ptr<Value>();
  for (std::int64_t i = 0; i < tensor.numel(); i += width) std::reverse(row + i, row + i + width);
}

template <typename Value>
void exchange_rows(torch::Tensor& tensor) {
  tensor = tensor.contiguous();
  const std::int64_t height = tensor.size(-2), width = tensor.size(-1);
  auto* plane = tensor.mutable_data_ptr<Value>();
  for (std::int64_t i = 0; i < tensor.numel(); i += height * width, plane += height * width)
    for (std::int64_t top = 0, bottom = height - 1; top < bottom; ++top, --bottom)
      std::swap_ranges(plane + top * width, plane + (top + 1) * width, plane + bottom * width);
}

}  // namespace

void flip_horizontally(View& view) {
  reverse_rows<float>(view.image);
  reverse_rows<std::int16_t>(view.labels);
}

void flip_vertically(View& view) {
  exchange_rows<float>(view.image);
  exchange_rows<std::int16_t>(view.labels);
}

Augmentation make_flip(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
            // Both are always drawn: what follows does not depend on `axes`.
            const bool horizontal = stream.chance(options.probability);
            const bool vertical = stream.chance(options.probability);
            if (horizontal && options.axes != FlipAxes::kVertical) flip_horizontally(view);
            if (vertical && options.axes != FlipAxes::kHorizontal) flip_vertically(view);
          },
          0};
}

}  // namespace medsweep::datasets
