#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// The recipe of the Retina system's best result: `gray`, `flip` and `rotate` by up to 45 degrees,
/// each with `probability`.
Augmentation make_retina(const AugmentationOptions& options);

}  // namespace medsweep::datasets
