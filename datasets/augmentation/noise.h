#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, independent Gaussian noise of sigma times the deviation of the image is
/// added to every value.
Augmentation make_noise(const AugmentationOptions& options);

/// Independent Gaussian noise with this mean and deviation, added to every value.
void add_noise(torch::Tensor& image, double mean, double deviation, RandomStream& stream);

}  // namespace medsweep::datasets
