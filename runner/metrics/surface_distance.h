#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runner/metrics/case.h"

namespace medsweep::runner {

/// From every surface voxel of one mask to the nearest surface voxel of the other, in mm.
///
/// A surface voxel is one of the mask with a face neighbour (4 in the plane, 6 in a volume) that
/// is not of it; what lies outside the image or is not valid belongs to no mask. So do MONAI's
/// get_surface_distance and medpy's __surface_distances with connectivity 1.
struct SurfaceDistances {
  std::vector<double> to_truth;       ///< one per surface voxel of the prediction
  std::vector<double> to_prediction;  ///< one per surface voxel of the truth
};

/// Of the class `label` of a checked case with spacing. Nothing where either mask is empty.
std::optional<SurfaceDistances> surface_distances(const Case& whole, std::uint8_t label);

/// The larger of the two directed 95th percentiles: MONAI's
/// compute_hausdorff_distance(percentile=95).
double hd95(const SurfaceDistances& distances);

/// The largest of all, the Hausdorff distance: medpy's hd.
double hd(const SurfaceDistances& distances);

/// The 95th percentile of both directions taken together: medpy's hd95.
double hd95_pooled(const SurfaceDistances& distances);

/// The mean of both directions taken together: medpy's assd.
double assd(const SurfaceDistances& distances);

/// Linear interpolation between order statistics at fraction * (n - 1), as numpy.percentile.
/// `values` must not be empty.
double percentile(std::vector<double> values, double fraction);

}  // namespace medsweep::runner
