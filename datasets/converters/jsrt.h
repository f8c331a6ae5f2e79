#pragma once

#include <torch/types.h>

#include <filesystem>

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// JSRT's chest X-rays (Shiraishi et al., AJR 174, 2000) with SCR's masks (van Ginneken et al.,
/// Medical Image Analysis 10, 2006), in any folders below the source:
///
///   All247images/JPCLN001.IMG            with a nodule; JPCNN001.IMG without. Or .png, .bmp, .tif
///   fold1/masks/left lung/JPCLN001.gif   and right lung, heart, left clavicle, right clavicle
///   fold2/masks/...
///
/// One grey sample an image, "JPCLN001", a case and a patient; group "nodule" or "normal"; source
/// and fold are SCR's: "fold1" (0), "fold2" (1). Classes left_lung and right_lung, or those of
/// --classes in its order, of left_lung, right_lung, heart, left_clavicle, right_clavicle. They
/// overlap: each is an instance of its own; the label map is painted in the order of the classes.
/// What lies further right in the image is the patient's left, whatever its folder is called.
///
/// Images keep their size (.IMG: 2048 x 2048, 0.175 mm), masks of 1024 x 1024 are brought to it by
/// the nearest pixel. An image without any mask is left out with a note; where some of the classes
/// are missing, and for an empty mask or one of another shape, there is an error. Errors as
/// convert(). Reads options.classes.
ConversionPlan plan_jsrt(const ConverterOptions& options);

/// A .IMG file: 2048 x 2048 big-endian numbers of 12 bits without a header, [1, 2048, 2048] int16.
/// They are optical densities, high where the film is black; here 4095 - value, so that bone is
/// bright as in all other sets. Throws std::invalid_argument for another number of bytes and for a
/// value above 4095, std::runtime_error for what cannot be read; both name the file.
torch::Tensor read_jsrt_image(const std::filesystem::path& path);

}  // namespace medsweep::datasets
