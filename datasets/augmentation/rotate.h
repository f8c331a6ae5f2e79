#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, a rotation about the centre by an angle uniform in [-degrees, degrees].
Augmentation make_rotate(const AugmentationOptions& options);

/// Counter-clockwise about the centre of the pixel grid: the image bilinear with zeros outside, the
/// labels nearest with kIgnored outside (what comes from beyond the border is unknown and counts in
/// no loss). 0 degrees is the identity.
void rotate_view(View& view, double degrees);

}  // namespace medsweep::datasets
