#pragma once

#include "datasets/converters/converters.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Made-up short-axis hearts with the classes and label values of ACDC (1 rv, 2 myo, 3 lv): a
/// blood pool with a concentric myocardium and a crescent of a right ventricle, in a chest with
/// lungs; blurred, under a smooth bias field, with Rician noise. Every second patient is "DCM"
/// (wide, contracts little), the others "NOR". Spacing differs between patients.
///
/// The same options give the same file. Throws std::invalid_argument for counts below 1 or a size
/// below 32.
ConverterReport convert_phantom(const ConverterOptions& options, const ConverterProgress& progress);

/// One slice of the phantom: `phase` 0 is end-diastole (ED), 1 end-systole (ES).
RawSample phantom_slice(const PhantomOptions& options, std::int64_t patient, std::int64_t phase,
                        std::int64_t slice);

}  // namespace medsweep::datasets
