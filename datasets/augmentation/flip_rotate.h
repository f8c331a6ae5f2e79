#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// `flip`, then `rotate`, in one pass.
Augmentation make_flip_rotate(const AugmentationOptions& options);

}  // namespace medsweep::datasets
