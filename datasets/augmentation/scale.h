#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// With `probability`, things grow by a factor uniform in [1 - scaling, 1 + scaling] about the
/// centre, alike along all axes; the view keeps its size.
Augmentation make_scale(const AugmentationOptions& options);

}  // namespace medsweep::datasets
