#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// Two changes, each with `probability`: contrast, x becomes mean + c (x - mean) with c uniform in
/// [1 - contrast, 1 + contrast]; brightness, b times the deviation is added with b uniform in
/// [-brightness, brightness]. One c and one b for all channels; values may leave [0, 1].
Augmentation make_brightness_contrast(const AugmentationOptions& options);
/// The first of them alone.
Augmentation make_contrast(const AugmentationOptions& options);
/// The second alone.
Augmentation make_brightness(const AugmentationOptions& options);

}  // namespace medsweep::datasets
