#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, `holes` rectangles (of a volume boxes) of the share `hole` of each side are
/// laid anywhere within the view, and filled with its mean in all channels. Labels, boxes and masks
/// stay: what is hidden is still to be found. DeVries & Taylor: Cutout, arXiv 1708.04552, 2017.
Augmentation make_coarse_dropout(const AugmentationOptions& options);

}  // namespace medsweep::datasets
