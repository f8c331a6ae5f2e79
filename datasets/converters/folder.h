#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Anybody's images with masks, of any kind that read_image takes:
///
///   images/a.png  masks/a.png            one sample, "a"; also `labels` in place of `masks`
///   train/images/a.tif  train/masks/a.png          "train_a", its source is "train"
///
/// or by two patterns of file names, --images "*_ct.png" --labels "seg/*_mask.png": what '*' stands
/// for is the case's name.
///
/// A mask's grey levels (of a PNG with a coloured palette the colours' numbers) are codes of
/// --label-map; without one they are 0 and 255, background and the class foreground. An image
/// without a mask, a mask without an image, a mask of 16 bits, of another size, and an unknown grey
/// level are errors that name the file.
///
/// Each sample is a case; its patient is what --patient finds in its name, or else its name. Colour
/// is --color rgb or gray, or else that of the first image, and all others must have as many
/// channels. Spacing is unknown. Errors as convert().
///
/// Reads options.images, labels, label_map, classes, patient, color.
ConversionPlan plan_folder(const ConverterOptions& options);

}  // namespace medsweep::datasets
