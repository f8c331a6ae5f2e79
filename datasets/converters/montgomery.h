#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Montgomery County's chest X-rays (Jaeger et al., 2014; Candemir et al., 2014) as NLM distributes
/// them, at any depth below the source:
///
///   MontgomerySet/CXR_png/MCUCXR_0001_0.png               the last digit: 0 normal, 1 tuberculosis
///   MontgomerySet/ManualMask/leftMask/MCUCXR_0001_0.png   the patient's left lung
///   MontgomerySet/ManualMask/rightMask/MCUCXR_0001_0.png
///   MontgomerySet/ClinicalReadings/*.txt                  not read: age, sex, findings
///
/// One grey sample an image, "MCUCXR_0001_0", its patient "MCUCXR_0001", its group "normal" or
/// "tuberculosis"; classes left_lung (1) and right_lung (2), as label map and as instances. Masks
/// are grey at their edges: 128 and more is inside. Spacing unknown (copies are often resized).
///
/// A missing mask, an empty one, one of another size, and a left lung that does not lie right of
/// the right lung in the image are errors; further errors as convert().
ConversionPlan plan_montgomery(const ConverterOptions& options);

}  // namespace medsweep::datasets
