#pragma once

#include <opencv2/core/mat.hpp>

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// With `probability`, contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems
/// IV, 1994) with `tiles` along each side and no bin above `clip` times the mean bin. Of three
/// channels the luma, so that colours stay; of others every channel by itself; of a volume slice by
/// slice.
Augmentation make_clahe(const AugmentationOptions& options);

/// One plane, within its own range: 256 bins, the share above the limit spread over all bins,
/// mappings linear between the middles of tiles, as OpenCV's CLAHE of an 8-bit image; between bins
/// linear too, so that nothing is rounded to 8 bits. Planes of one value, and those with fewer
/// pixels than tiles along a side, stay.
void equalize_adaptively(cv::Mat& plane, double clip, std::int64_t tiles);

}  // namespace medsweep::datasets
