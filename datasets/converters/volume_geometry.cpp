#include "datasets/converters/volume_geometry.h"

#include <array>
#include <cmath>
#include <cstddef>

namespace medsweep::datasets {
namespace {

constexpr double kLeastCosine = 0.906;  // of 25 degrees

/// [x, y, z] of the affine's column; 0, 1, 2 are x, y, z of the voxels, 3 the origin.
std::array<double, 3> affine_column(const std::vector<double>& affine, std::size_t column) {
  return {affine[column], affine[4 + column], affine[8 + column]};
}

double product(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

}  // namespace

std::vector<double> column_lengths(const std::vector<double>& affine) {
  std::vector<double> lengths;
  for (const std::size_t column : {2, 1, 0})
    lengths.push_back(
        std::sqrt(product(affine_column(affine, column), affine_column(affine, column))));
  return lengths;
}

bool axes_agree(const std::vector<double>& first, const std::vector<double>& second) {
  if (first.empty() || second.empty()) return true;
  for (std::size_t column = 0; column < 3; ++column) {
    const auto a = affine_column(first, column), b = affine_column(second, column);
    if (product(a, b) < kLeastCosine * std::sqrt(product(a, a) * product(b, b))) return false;
  }
  return true;
}

VolumeGeometry regridded(const VolumeGeometry& geometry, const std::vector<double>& first,
                         const std::vector<double>& step) {
  VolumeGeometry made = geometry;
  for (std::size_t axis = 0; axis < made.spacing.size(); ++axis) made.spacing[axis] *= step[axis];
  if (made.affine.empty()) return made;
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column) {
      const std::size_t axis = 2 - column;  // [D, H, W] are z, y, x
      made.affine[4 * row + 3] += geometry.affine[4 * row + column] * first[axis];
      made.affine[4 * row + column] *= step[axis];
    }
  return made;
}

}  // namespace medsweep::datasets
