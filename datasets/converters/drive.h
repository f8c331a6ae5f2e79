#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// DRIVE as its users have it on disk: `images` beside `1st_manual`, `mask` and maybe `2nd_manual`,
/// at any depth below the source, or the source itself:
///
///   training/images/21_training.tif         RGB, 8 bits
///   training/1st_manual/21_manual1.gif      vessels, 0 and 255
///   training/mask/21_training_mask.gif      the field of view: outside it nothing counts
///   test/images/01_test.tif, ...            left out with a note where `1st_manual` is missing, as
///                                           the test half is distributed today
///   test/2nd_manual/01_manual2.gif          a second observer's vessels, kept where it is there
///
/// One sample an image, its number is the case and the patient, training or test the source; class
/// vessel (1). The pixel size is not published: spacing unknown. A missing mask among others is an
/// error; errors as convert().
ConversionPlan plan_drive(const ConverterOptions& options);

}  // namespace medsweep::datasets
