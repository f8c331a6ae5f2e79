#pragma once

#include <vector>

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// One after another, in this order. Neighbours that only change places are applied in one pass
/// with one interpolation; `crop` among them looks for foreground where the others began. An empty
/// list is the identity. What context a patch needs adds up.
Augmentation chain(const std::vector<Augmentation>& augmentations);

}  // namespace medsweep::datasets
