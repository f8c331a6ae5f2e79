#pragma once

#include <vector>

namespace medsweep::datasets {

/// Where the voxels of a volume lie.
struct VolumeGeometry {
  std::vector<double> spacing;  ///< mm along [D, H, W]; empty where unknown
  /// Three rows of four: voxel (x, y, z, 1) -> mm to the right, anterior, superior (NIfTI's RAS).
  /// Its columns have the lengths of `spacing`. Empty where unknown.
  std::vector<double> affine;
};

/// The lengths of the affine's columns along [D, H, W]: of z, y, x.
std::vector<double> column_lengths(const std::vector<double>& affine);

/// Whether the axes run the same way: each column within 25 degrees of the other's. Unknown affines
/// run as any other.
bool axes_agree(const std::vector<double>& first, const std::vector<double>& second);

/// Of another grid over the same volume: voxel i of an axis lies where `first + i * step` lay, in
/// the old grid's voxels; both along [D, H, W]. Unknown stays unknown.
VolumeGeometry regridded(const VolumeGeometry& geometry, const std::vector<double>& first,
                         const std::vector<double>& step);

}  // namespace medsweep::datasets
