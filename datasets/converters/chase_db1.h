#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// CHASE_DB1 (Fraz et al., IEEE TBME 59, 2012): 28 fundus photographs, both eyes of 14 children,
/// all files in one folder or spread over several below the source:
///
///   Image_01L.jpg            RGB, 8 bits, 999 x 960
///   Image_01L_1stHO.png      vessels by the first observer: the labels
///   Image_01L_2ndHO.png      by the second observer, kept where it is there
///
/// One sample an eye, "Image_01L"; the patient is "Image_01", so that both eyes stay together in
/// every split; class vessel (1). No field of view is distributed: it is computed (retina_field).
/// Pixel size not published: spacing unknown. An image without its first observer is an error;
/// other sizes than published are noted. Errors as convert().
ConversionPlan plan_chase_db1(const ConverterOptions& options);

}  // namespace medsweep::datasets
