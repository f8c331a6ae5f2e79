#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, colours of a three-channel image become weaker or stronger: every channel x
/// becomes luma + s (x - luma) with s uniform in [1 - saturation, 1 + saturation], not below 0; the
/// luma is that of ITU-R 601. Images with another number of channels stay.
Augmentation make_saturation(const AugmentationOptions& options);

/// Colours by `factor`: 0 is grey, 1 the image itself. As torchvision's adjust_saturation, without
/// its clamping.
void saturate(torch::Tensor& image, double factor);

}  // namespace medsweep::datasets
