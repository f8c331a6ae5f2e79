#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, detail becomes weaker or stronger: x becomes smooth + f (x - smooth) with f
/// uniform in [1 - sharpness, 1 + sharpness], not below 0; `smooth` is the mean of the 3 x 3 pixels
/// around, the middle one counting five times, and at the outermost pixels x itself. Of a volume
/// slice by slice.
Augmentation make_sharpness(const AugmentationOptions& options);

/// Detail by `factor`: 0 smooths, 1 is the image itself, 2 sharpens. As Pillow's and torchvision's
/// adjust_sharpness, without their clamping.
void sharpen(torch::Tensor& image, double factor);

}  // namespace medsweep::datasets
