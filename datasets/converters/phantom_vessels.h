#pragma once

#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Made-up retinas in colour, [3, H, W] uint8, the left and the right eye of each patient: arteries
/// and veins that branch out of the optic disc by Murray's law, a macula, the round field of view,
/// pigment, vignetting, texture and noise. Class "vessel", field of view, and a second observer who
/// draws some vessels wider or narrower and overlooks thin ones. Every third patient is "DR" with
/// bleedings and exudates (no vessels), the others "NOR". The spacing is unknown, as with DRIVE.
ConversionPlan plan_vessels(const ConverterOptions& options);

/// One eye: 0 is the left, 1 the right.
RawSample phantom_retina(const PhantomOptions& options, std::int64_t patient, std::int64_t eye);

}  // namespace medsweep::datasets
