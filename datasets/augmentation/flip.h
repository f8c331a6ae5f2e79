#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// Mirrors left-right with `probability`, and top-bottom with `probability`, where `axes` has them.
Augmentation make_flip(const AugmentationOptions& options);

/// Left and right exchanged in image and labels.
void flip_horizontally(View& view);
/// Top and bottom exchanged in image and labels.
void flip_vertically(View& view);

}  // namespace medsweep::datasets
