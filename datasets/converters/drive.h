#pragma once

#include "datasets/converters/converters.h"

namespace medsweep::datasets {

/// DRIVE, Digital Retinal Images for Vessel Extraction: Staal et al., IEEE TMI 23(4), 2004.
///
/// Every folder below the source (or the source) that holds `images`: its name is the sample's
/// source ("training", "test"). images/NN_*.tif (RGB, 8 bits), 1st_manual/NN_manual1.gif (vessels,
/// 0 and 255), mask/NN_*_mask.gif (the field of view: outside it nothing counts). A folder without
/// any 1st_manual, as the test half is distributed today, is left out with a note; the second
/// observer's manuals are not read.
///
/// One sample an image, its number is the case and the patient; class vessel (1). The pixel size is
/// not published: spacing unknown. Errors as convert().
ConverterReport convert_drive(const ConverterOptions& options, const ConverterProgress& progress);

}  // namespace medsweep::datasets
