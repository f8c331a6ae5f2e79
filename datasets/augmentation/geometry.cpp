#include "datasets/augmentation/geometry.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "datasets/augmentation/boxes.h"
#include "datasets/augmentation/flip.h"
#include "datasets/augmentation/volume_warp.h"
#include "datasets/augmentation/warp.h"

namespace medsweep::datasets {
namespace {

// Steps of the fixed-point iteration; each shrinks the error by the field's steepness.
constexpr int kInversionSteps = 40;

double mirrored(double value, std::int64_t side) {
  const auto last = static_cast<double>(side - 1);
  if (side < 2) return 0;
  const double folded = std::fmod(std::abs(value), 2 * last);
  return std::min(folded, 2 * last - folded);
}

// The field's value at a place, clamped to the pixels: component c of [components, D, H, W].
double field_at(const float* values, const std::array<std::int64_t, 3>& size, const Point& point) {
  std::array<std::int64_t, 3> first{};
  Point fraction{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double place = std::clamp(point[axis], 0.0, static_cast<double>(size[axis] - 1));
    first[axis] =
        std::min(static_cast<std::int64_t>(place), std::max<std::int64_t>(size[axis] - 2, 0));
    fraction[axis] = place - static_cast<double>(first[axis]);
  }
  double sum = 0;
  for (std::size_t corner = 0; corner < 8; ++corner) {
    double weight = 1;
    std::int64_t index = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t step = corner >> axis & 1;
      weight *= step != 0 ? fraction[axis] : 1 - fraction[axis];
      index = index * size[axis] + std::min(first[axis] + step, size[axis] - 1);
    }
    if (weight != 0) sum += weight * values[index];
  }
  return sum;
}

Point displacement_at(const DisplacementMap& map, const std::array<std::int64_t, 3>& size,
                      const Point& point) {
  Point moved{};
  const std::int64_t components = map.field.size(0), count = map.field[0].numel();
  for (std::int64_t c = 0; c < components; ++c)
    moved[static_cast<std::size_t>(c + 3 - components)] =
        field_at(map.field.const_data_ptr<float>() + c * count, size, point);
  return moved;
}

bool is_flip_matrix(const AffineMap& map, const std::array<std::int64_t, 3>& size,
                    std::array<bool, 3>& axes) {
  AffineMap flip;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    axes[axis] = map.matrix[axis][axis] < 0;
    flip.matrix[axis][axis] = axes[axis] ? -1 : 1;
    flip.offset[axis] = axes[axis] ? static_cast<double>(size[axis] - 1) : 0;
  }
  return map == flip;
}

}  // namespace

Point AffineMap::operator()(const Point& point) const {
  Point out = offset;
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column)
      out[row] += matrix[row][column] * point[column];
  return out;
}

AffineMap composed(const AffineMap& outer, const AffineMap& inner) {
  AffineMap out{{}, outer(inner.offset)};
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column)
      for (std::size_t k = 0; k < 3; ++k)
        out.matrix[row][column] += outer.matrix[row][k] * inner.matrix[k][column];
  return out;
}

AffineMap inverse(const AffineMap& map) {
  const auto& m = map.matrix;
  const auto minor = [&](std::size_t row, std::size_t column) {
    const std::size_t r = (row + 1) % 3, s = (row + 2) % 3;
    const std::size_t c = (column + 1) % 3, d = (column + 2) % 3;
    return m[r][c] * m[s][d] - m[r][d] * m[s][c];
  };
  const double determinant = m[0][0] * minor(0, 0) + m[0][1] * minor(0, 1) + m[0][2] * minor(0, 2);
  if (!(std::abs(determinant) > 1e-12))
    throw std::invalid_argument(
        "[augmentation] a map onto a line; one that can be undone is allowed");
  AffineMap out;
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column)
      out.matrix[row][column] = minor(column, row) / determinant;
  const Point moved = out(map.offset);
  for (std::size_t axis = 0; axis < 3; ++axis) out.offset[axis] = -moved[axis];
  return out;
}

Geometry::Geometry(const View& view)
    : size_{view.is_volume() ? view.labels.size(0) : 1, view.labels.size(-2), view.labels.size(-1)},
      spacing_(view.spacing),
      volume_(view.is_volume()) {}

void Geometry::append(const AffineMap& map) {
  if (!maps_.empty() && std::holds_alternative<AffineMap>(maps_.back()))
    maps_.back() = composed(std::get<AffineMap>(maps_.back()), map);
  else
    maps_.emplace_back(map);
}

void Geometry::append(DisplacementMap map) { maps_.emplace_back(std::move(map)); }

void Geometry::append(MirrorMap map) { maps_.emplace_back(map); }

void Geometry::append_about_centre(const std::array<std::array<double, 3>, 3>& matrix) {
  AffineMap map{matrix, {}};
  Point centre{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    centre[axis] = static_cast<double>(size_[axis] - 1) / 2;
  const Point moved = map(centre);
  for (std::size_t axis = 0; axis < 3; ++axis) map.offset[axis] = centre[axis] - moved[axis];
  append(map);
}

void Geometry::append_flip(std::size_t axis) {
  AffineMap map;
  map.matrix[axis][axis] = -1;
  map.offset[axis] = static_cast<double>(size_[axis] - 1);
  append(map);
}

bool Geometry::is_identity() const {
  std::array<bool, 3> axes{};
  return maps_.empty() || (is_flip(axes) && !axes[0] && !axes[1] && !axes[2]);
}

bool Geometry::is_flip(std::array<bool, 3>& axes) const {
  axes = {};
  if (maps_.empty()) return true;
  return maps_.size() == 1 && std::holds_alternative<AffineMap>(maps_.front()) &&
         is_flip_matrix(std::get<AffineMap>(maps_.front()), size_, axes);
}

Point Geometry::source_of(Point point) const {
  for (auto map = maps_.rbegin(); map != maps_.rend(); ++map) {
    if (const auto* affine = std::get_if<AffineMap>(&*map)) {
      point = (*affine)(point);
    } else if (const auto* field = std::get_if<DisplacementMap>(&*map)) {
      const Point moved = displacement_at(*field, size_, point);
      for (std::size_t axis = 0; axis < 3; ++axis) point[axis] += moved[axis];
    } else {
      for (std::size_t axis = 0; axis < 3; ++axis) point[axis] = mirrored(point[axis], size_[axis]);
    }
  }
  return point;
}

Point Geometry::target_of(Point point) const {
  for (const Map& map : maps_) {
    if (const auto* affine = std::get_if<AffineMap>(&map)) {
      point = inverse(*affine)(point);
    } else if (const auto* field = std::get_if<DisplacementMap>(&map)) {
      Point guess = point;
      for (int step = 0; step < kInversionSteps; ++step) {
        const Point moved = displacement_at(*field, size_, guess);
        for (std::size_t axis = 0; axis < 3; ++axis) guess[axis] = point[axis] - moved[axis];
      }
      point = guess;
    }
  }
  return point;
}

void apply(const Geometry& geometry, View& view) {
  if (geometry.is_volume() && (view.boxes.defined() || view.masks.defined()))
    throw std::invalid_argument(
        "[augmentation] boxes or masks of a volume; those of images are allowed");
  if (geometry.is_identity()) return;
  if (std::array<bool, 3> axes{}; geometry.is_flip(axes)) {
    for (std::size_t axis = 0; axis < 3; ++axis)
      if (axes[axis]) flip_axis(view, axis);
    return;
  }
  if (geometry.is_volume()) {
    warp_volume(geometry, view);
    return;
  }
  warp(geometry, view);
  if (view.masks.defined())
    view.boxes = bounds_of(view.masks);
  else if (view.boxes.defined())
    view.boxes = moved_boxes(view.boxes, geometry);
}

Augmentation moving(std::function<void(const View&, Geometry&, RandomStream&)> draw, double degrees,
                    double stretch, double pixels) {
  Augmentation augmentation{{}, degrees, stretch, pixels, 0, draw};
  augmentation.apply = [draw = std::move(draw)](View& view, RandomStream& stream) {
    Geometry geometry(view);
    draw(view, geometry, stream);
    apply(geometry, view);
  };
  return augmentation;
}

}  // namespace medsweep::datasets
