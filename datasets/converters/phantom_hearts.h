#pragma once

#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Made-up short-axis hearts with the classes and label values of ACDC (1 rv, 2 myo, 3 lv): a
/// blood pool with a concentric myocardium and a crescent of a right ventricle, in a chest with
/// lungs; blurred, under a smooth bias field, with Rician noise. Every second patient is "DCM"
/// (wide, contracts little), the others "NOR". Spacing differs between patients. Six slices a
/// volume unless options.phantom.slices says otherwise; dimension 3 makes the same hearts volumes.
ConversionPlan plan_hearts(const ConverterOptions& options);

/// One slice of a heart: `phase` 0 is end-diastole (ED), 1 end-systole (ES).
/// Throws std::invalid_argument for counts below 1 or a size below 32.
RawSample phantom_slice(const PhantomOptions& options, std::int64_t patient, std::int64_t phase,
                        std::int64_t slice);

/// All slices at a phase: image [1, D, H, W].
RawSample phantom_volume(const PhantomOptions& options, std::int64_t patient, std::int64_t phase);

}  // namespace medsweep::datasets
