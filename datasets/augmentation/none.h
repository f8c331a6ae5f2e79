#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// The view itself; draws nothing.
Augmentation make_no_augmentation(const AugmentationOptions& options);

}  // namespace medsweep::datasets
