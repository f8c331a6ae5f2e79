#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// As `warp`, for a volume: image trilinear, labels nearest.
void warp_volume(const Geometry& geometry, View& view);

}  // namespace medsweep::datasets
