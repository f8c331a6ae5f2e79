#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, every channel of a three-channel image becomes the luma of ITU-R 601,
/// 0.299 R + 0.587 G + 0.114 B; images with another number of channels stay.
Augmentation make_gray(const AugmentationOptions& options);

}  // namespace medsweep::datasets
