#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// `flip`, then `rotate`.
Augmentation make_flip_rotate(const AugmentationOptions& options);

}  // namespace medsweep::datasets
