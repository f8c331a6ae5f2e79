#include "datasets/augmentation/rotate.h"

#include <cmath>
#include <numbers>

namespace medsweep::datasets {
namespace {

using RotationMatrix = std::array<std::array<double, 3>, 3>;

// Of the plane of the axes `first` and `second`, in space.
RotationMatrix plane_rotation(double degrees, std::size_t first, std::size_t second) {
  const double angle = degrees * std::numbers::pi / 180;
  RotationMatrix matrix{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  matrix[first][first] = matrix[second][second] = std::cos(angle);
  matrix[first][second] = std::sin(angle);
  matrix[second][first] = -std::sin(angle);
  return matrix;
}

// From pixels to space, there the rotation, and back.
RotationMatrix in_pixels(RotationMatrix matrix, const std::array<double, 3>& spacing) {
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column)
      if (row != column) matrix[row][column] *= spacing[column] / spacing[row];
  return matrix;
}

}  // namespace

void append_rotation(Geometry& geometry, double degrees, double row_tilt, double column_tilt) {
  const auto& spacing = geometry.spacing();
  if (degrees != 0) geometry.append_about_centre(in_pixels(plane_rotation(degrees, 1, 2), spacing));
  if (row_tilt != 0)
    geometry.append_about_centre(in_pixels(plane_rotation(row_tilt, 0, 2), spacing));
  if (column_tilt != 0)
    geometry.append_about_centre(in_pixels(plane_rotation(column_tilt, 0, 1), spacing));
}

void rotate_view(View& view, double degrees) {
  Geometry geometry(view);
  append_rotation(geometry, degrees);
  apply(geometry, view);
}

Augmentation make_rotate(const AugmentationOptions& options) {
  const auto draw = [options](const View& view, Geometry& geometry, RandomStream& stream) {
    const bool rotated = stream.chance(options.probability);
    const double degrees = stream.uniform(-options.degrees, options.degrees);
    const double row_tilt = view.is_volume() ? stream.uniform(-options.tilt, options.tilt) : 0;
    const double column_tilt = view.is_volume() ? stream.uniform(-options.tilt, options.tilt) : 0;
    if (!rotated) return;
    if (options.border == Border::kMirror) geometry.append(MirrorMap{});
    append_rotation(geometry, degrees, row_tilt, column_tilt);
  };
  if (options.border == Border::kMirror) return moving(draw);
  Augmentation augmentation = moving(draw, options.degrees);
  augmentation.tilt = options.tilt;
  return augmentation;
}

}  // namespace medsweep::datasets
