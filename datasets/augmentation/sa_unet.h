#pragma once

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// SA-UNet's recipe (Guo et al., ICPR 2020), which makes 13 images of each: itself, three rotations
/// by 1 to 359 whole degrees, three colour jitters, three with noise, and the image mirrored
/// left-right, top-bottom and both. Here each view is one of the 13, drawn with equal chances.
///
/// The jitter is Pillow's: colour by 0 to 3, brightness by 1 to 2, contrast by 1 to 2, sharpness by
/// 0 to 3, in steps of 0.1, each clipped; noise has mean 0.2 and deviation 0.3 of 255 grey values.
/// Black and white are the view's own smallest and largest value. Rotations interpolate linearly
/// (the original bicubic). Of a volume rotations, mirrorings and sharpness are within the slices.
Augmentation make_sa_unet(const AugmentationOptions& options);

}  // namespace medsweep::datasets
