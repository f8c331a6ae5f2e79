#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, values become low + width ((x - low) / width)^g, where low and width are the
/// view's own range over all channels and g lies between 1 / (1 + gamma) and 1 + gamma, its
/// logarithm uniform: as often darker (g > 1) as brighter. The range stays.
Augmentation make_gamma(const AugmentationOptions& options);

/// The same with g = `exponent`; an image of one value stays.
void apply_gamma(torch::Tensor& image, double exponent);

}  // namespace medsweep::datasets
