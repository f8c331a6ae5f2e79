#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Shenzhen's chest X-rays (Jaeger et al., 2014) with the lung masks of Stirenko et al. (2018),
/// which are distributed apart and put beside them, in any folders below the source:
///
///   ChinaSet_AllFiles/CXR_png/CHNCXR_0001_0.png    the last digit: 0 normal, 1 tuberculosis
///   mask/mask/CHNCXR_0001_0_mask.png               both lungs in one: 128 and more is inside
///   ChinaSet_AllFiles/ClinicalReadings/*.txt       not read
///
/// One grey sample an image, "CHNCXR_0001_0", its patient "CHNCXR_0001", its group "normal" or
/// "tuberculosis"; classes left_lung (1) and right_lung (2), as label map and as instances. The
/// mask is divided into the patient's left and right by split_lungs; a mask with one lung gives
/// one.
///
/// Images without a mask (96 of 662) are left out with a note. A mask without an image, an empty
/// one and one of another size are errors; further errors as convert().
ConversionPlan plan_shenzhen(const ConverterOptions& options);

}  // namespace medsweep::datasets
