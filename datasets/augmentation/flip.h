#pragma once

#include <cstddef>

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// Mirrors left-right with `probability`, and top-bottom with `probability`, where `axes` has them;
/// of a volume also first and last slice, where `axes` is depth or all.
Augmentation make_flip(const AugmentationOptions& options);

/// The view with first and last exchanged along axis 0 (depth), 1 (rows) or 2 (columns): image,
/// labels, boxes and masks, in place. Nothing is interpolated.
void flip_axis(View& view, std::size_t axis);
/// Left and right exchanged.
void flip_horizontally(View& view);
/// Top and bottom exchanged.
void flip_vertically(View& view);

}  // namespace medsweep::datasets
