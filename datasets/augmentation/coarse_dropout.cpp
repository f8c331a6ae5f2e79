#include "datasets/augmentation/coarse_dropout.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace medsweep::datasets {
namespace {

// Along D, H, W; an image has one slice.
struct Hole {
  std::array<std::int64_t, 3> first{}, sides{1, 1, 1};
};

Hole draw_hole(const std::array<std::int64_t, 3>& size, double share, RandomStream& stream) {
  Hole hole;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto wanted = std::lround(share * static_cast<double>(size[axis]));
    hole.sides[axis] = std::clamp<std::int64_t>(wanted, 1, size[axis]);
    hole.first[axis] = stream.below(size[axis] - hole.sides[axis] + 1);
  }
  return hole;
}

void fill_hole(torch::Tensor& image, const std::array<std::int64_t, 3>& size, const Hole& hole,
               float value) {
  const std::int64_t count = size[0] * size[1] * size[2];
  auto* channel = image.mutable_data_ptr<float>();
  for (std::int64_t c = 0; c < image.size(0); ++c, channel += count)
    for (std::int64_t z = hole.first[0]; z < hole.first[0] + hole.sides[0]; ++z)
      for (std::int64_t y = hole.first[1]; y < hole.first[1] + hole.sides[1]; ++y)
        std::fill_n(channel + (z * size[1] + y) * size[2] + hole.first[2], hole.sides[2], value);
}

}  // namespace

Augmentation make_coarse_dropout(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    if (!stream.chance(options.probability) || view.image.numel() == 0 || options.hole == 0) return;
    view.image = view.image.contiguous();
    const auto mean = static_cast<float>(moments(view.image).mean);
    const std::array<std::int64_t, 3> size{view.is_volume() ? view.image.size(1) : 1,
                                           view.image.size(-2), view.image.size(-1)};
    for (std::int64_t i = 0; i < options.holes; ++i)
      fill_hole(view.image, size, draw_hole(size, options.hole, stream), mean);
  }};
}

}  // namespace medsweep::datasets
