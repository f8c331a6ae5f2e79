#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, independent Gaussian noise of sigma times the deviation of the image is
/// added to every value.
Augmentation make_noise(const AugmentationOptions& options);

}  // namespace medsweep::datasets
