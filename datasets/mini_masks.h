#pragma once

#include "datasets/batch.h"

namespace medsweep::datasets {

/// The objects with mini masks instead of masks, so that many objects in a large image take little
/// memory: each mask, within its box, at size.height x size.width. Where the box shrinks a value is
/// the mean over its area, else bilinear between pixel centres; 0...255, at least 1 where the mask
/// touches. An object whose mask is empty, or whose box has no area, gets zeros.
/// After the mini masks of matterport's Mask R-CNN (2017), which are 0 or 1.
///
/// Objects without masks come back as they are. Throws std::invalid_argument for a size below 1.
Instances with_mini_masks(Instances objects, const Extent& size);

}  // namespace medsweep::datasets
