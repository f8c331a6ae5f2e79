#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// The pixels of an image's view, moved: image bilinear (what lies beyond the border counts as 0,
/// so that a border fades within a pixel), labels nearest with kIgnored from beyond, masks nearest
/// with 0. Boxes are left alone. One pass: places are computed row by row and kept nowhere.
void warp(const Geometry& geometry, View& view);

}  // namespace medsweep::datasets
