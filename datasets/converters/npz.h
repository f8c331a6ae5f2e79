#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Arrays of NumPy, two-dimensional images with labels:
///
///   a.npz                      with `image` (or images, img, x, data) and `label` (or labels,
///   mask,
///                              masks, seg, y)
///   images/a.npy  masks/a.npy  pairs; also `labels` in place of `masks`, or patterns, --images
///                              "*_x.npy" --labels "*_y.npy"
///
/// Labels are [H, W], the image then [H, W], [C, H, W] or [H, W, C]: one sample, "a". Or they are
/// [N, H, W], the images [N, H, W], [N, C, H, W] or [N, H, W, C]: N slices of the case, "a/0", ...
/// Where both orders of the channels fit, the first is meant.
///
/// Images become uint8, int16 (whole numbers that fit) or float32. Labels are whole numbers, codes
/// of --label-map; without one 0 and 1, background and the class foreground. The patient is what
/// --patient finds in the case's name, or else that name. Spacing is unknown.
///
/// A file without its arrays, shapes that do not fit each other, another number of channels than
/// the first file's, an unknown code, numbers that are not finite are errors that name the file;
/// others as read_npz and convert(). Reads options.images, labels, label_map, classes, patient.
ConversionPlan plan_npz(const ConverterOptions& options);

}  // namespace medsweep::datasets
