#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// With `probability`, a random part of the view fills it: one share uniform in [smallest, 1] of
/// every side, scaled back to the view's size. With probability `foreground` it is centred, as far
/// as the border allows, on a pixel of a class drawn uniformly among those present, so that small
/// classes are seen; else it lies anywhere. Of a volume the same along all three axes. (Cutting
/// without scaling is the study's `patch`.)
Augmentation make_crop(const AugmentationOptions& options);

}  // namespace medsweep::datasets
