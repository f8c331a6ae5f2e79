#pragma once

#include <torch/types.h>

namespace medsweep::datasets {

/// The field of view of a fundus photograph for which none is distributed: the disc on its dark
/// surround. image: [3, H, W] uint8 -> [H, W] uint8, 0 or 1.
///
/// The luminance (ITU-R 601) of the surround is the median of the four corners' squares (a
/// twentieth of the shorter side), that of the retina the upper quartile of the whole image. Inside
/// is what is brighter than a fifth of the way from the one to the other; the largest 4-connected
/// component of it is kept and its holes are filled. An image whose corners are more than half as
/// bright as its retina has no dark surround: all of it is inside. On DRIVE's 20 training images it
/// agrees with the distributed masks to an intersection over union of 0.99.
torch::Tensor retina_field(const torch::Tensor& image);

}  // namespace medsweep::datasets
