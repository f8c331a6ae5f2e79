#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, a Gaussian filter with a deviation uniform in [0, blur] pixels; of a volume
/// slice by slice (slices are often thick, and blurring across them would mix what lies apart).
Augmentation make_blur(const AugmentationOptions& options);

/// The filter: cut off at four deviations, the border mirrored (SciPy's `mirror`); below 0.1 pixels
/// the image itself.
void blur(torch::Tensor& image, double deviation);

}  // namespace medsweep::datasets
