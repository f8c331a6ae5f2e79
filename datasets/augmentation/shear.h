#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// With `probability`, rows slide along themselves in proportion to their distance from the centre,
/// by the tangent of an angle uniform in [-shear, shear] degrees, then columns by one of their own;
/// of a volume in every slice alike.
Augmentation make_shear(const AugmentationOptions& options);

}  // namespace medsweep::datasets
