#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace medsweep {

/// Voxels along [D, H, W].
using GridShape = std::array<std::int64_t, 3>;

/// Squared Euclidean distance in mm^2 of every voxel to the nearest marked one, exact, for voxels
/// of any spacing. Felzenszwalb, Huttenlocher: Distance Transforms of Sampled Functions, Theory of
/// Computing 8 (2012): the lower envelope of parabolas, axis by axis; linear time.
///
/// marked: D * H * W values in row-major order, not 0 where marked. Infinity everywhere where
/// nothing is marked.
std::vector<double> squared_distances(const std::vector<std::uint8_t>& marked,
                                      const GridShape& shape, const std::array<double, 3>& spacing);

}  // namespace medsweep
