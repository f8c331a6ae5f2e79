#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// With `probability`, the view is padded on all sides by its own mirror image, `margin` of each
/// side, and a window of its size is cut out anywhere: what moves out on one side is replaced by
/// mirrored pixels on the other, labels too. Whole pixels: nothing is interpolated. Of a volume
/// within the slices. An object's mirror image belongs to the object's mask.
Augmentation make_mirror_pad(const AugmentationOptions& options);

}  // namespace medsweep::datasets
