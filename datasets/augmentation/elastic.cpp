#include "datasets/augmentation/elastic.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace medsweep::datasets {
namespace {

// The cubic B-spline over a side: pixel i is a sum of four neighbouring control points.
struct SplineSide {
  std::int64_t controls = 0;
  std::vector<std::int64_t> first;            // per pixel
  std::vector<std::array<float, 4>> weights;  // per pixel
};

SplineSide spline_side(std::int64_t pixels, double spacing) {
  SplineSide side;
  for (std::int64_t i = 0; i < pixels; ++i) {
    const double place = static_cast<double>(i) / spacing, t = place - std::floor(place);
    side.first.push_back(static_cast<std::int64_t>(std::floor(place)));
    const double s = 1 - t;
    side.weights.push_back({static_cast<float>(s * s * s / 6),
                            static_cast<float>((3 * t * t * t - 6 * t * t + 4) / 6),
                            static_cast<float>((3 * s * s * s - 6 * s * s + 4) / 6),
                            static_cast<float>(t * t * t / 6)});
  }
  side.controls = side.first.back() + 4;
  return side;
}

// [outer, controls, inner] -> [outer, pixels, inner].
std::vector<float> interpolated(const std::vector<float>& in, std::int64_t outer,
                                const SplineSide& side, std::int64_t inner) {
  const auto pixels = static_cast<std::int64_t>(side.first.size());
  std::vector<float> out(static_cast<std::size_t>(outer * pixels * inner));
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t p = 0; p < pixels; ++p) {
      const auto& w = side.weights[static_cast<std::size_t>(p)];
      const float* a =
          in.data() + (o * side.controls + side.first[static_cast<std::size_t>(p)]) * inner;
      const float *b = a + inner, *c = b + inner, *d = c + inner;
      float* to = out.data() + (o * pixels + p) * inner;
      for (std::int64_t i = 0; i < inner; ++i)
        to[i] = w[0] * a[i] + w[1] * b[i] + w[2] * c[i] + w[3] * d[i];
    }
  return out;
}

}  // namespace

torch::Tensor draw_displacement(const Geometry& geometry, double magnitude, double spacing,
                                RandomStream& stream) {
  const auto& size = geometry.size();
  const auto& millimetres = geometry.spacing();
  const std::size_t first = geometry.is_volume() ? 0 : 1;
  const double unit = millimetres[2];
  std::array<SplineSide, 3> sides;
  for (std::size_t axis = first; axis < 3; ++axis)
    sides[axis] = spline_side(size[axis], std::max(spacing * unit / millimetres[axis], 1.0));
  torch::Tensor field = geometry.is_volume() ? torch::empty({3, size[0], size[1], size[2]})
                                             : torch::empty({2, size[1], size[2]});
  float* out = field.mutable_data_ptr<float>();
  for (std::size_t component = first; component < 3; ++component) {
    const double deviation = magnitude * unit / millimetres[component];
    std::int64_t controls = 1;
    for (std::size_t axis = first; axis < 3; ++axis) controls *= sides[axis].controls;
    std::vector<float> values(static_cast<std::size_t>(controls));
    for (float& value : values) value = static_cast<float>(deviation * stream.normal());
    std::int64_t inner = 1;
    for (std::size_t axis = 3; axis-- > first;) {
      controls /= sides[axis].controls;
      values = interpolated(values, controls, sides[axis], inner);
      inner *= size[axis];
    }
    out = std::ranges::copy(values, out).out;
  }
  return field;
}

Augmentation make_elastic(const AugmentationOptions& options) {
  const auto draw = [options](const View&, Geometry& geometry, RandomStream& stream) {
    if (!stream.chance(options.probability) || options.magnitude == 0) return;
    if (options.border == Border::kMirror) geometry.append(MirrorMap{});
    geometry.append(DisplacementMap{draw_displacement(
        geometry, options.magnitude, static_cast<double>(options.spacing), stream)});
  };
  // Pixels move by half the magnitude: four of their deviations.
  return moving(draw, 0, 1, options.border == Border::kMirror ? 0 : 2 * options.magnitude);
}

}  // namespace medsweep::datasets
