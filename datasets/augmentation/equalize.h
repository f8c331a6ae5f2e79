#pragma once

#include <opencv2/core/mat.hpp>

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, histogram equalisation: within the view's own range every value becomes as
/// large as the share of values below it. Of three channels the luma, so that colours stay; of
/// others every channel by itself; of a volume slice by slice.
Augmentation make_equalize(const AugmentationOptions& options);

/// One plane, into its own range: the cumulative histogram of 256 bins, linear between their
/// middles, as scikit-image's equalize_hist. A plane of one value stays.
void equalize_plane(cv::Mat& plane);

}  // namespace medsweep::datasets
