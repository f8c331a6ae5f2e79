#pragma once

#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Made-up frontal chest X-rays, [1, H, W] uint8, one a patient, as the RSNA challenge has them:
/// one to three soft opacities in the lungs of every second patient (group "Lung Opacity"), each an
/// instance of class "opacity" with a box and the box as its mask; none in the others ("Normal", or
/// "No Lung Opacity / Not Normal" with a large heart or a small bright nodule). Labels are the
/// union of the boxes.
ConversionPlan plan_opacities(const ConverterOptions& options);

RawSample phantom_opacity_image(const PhantomOptions& options, std::int64_t patient);

}  // namespace medsweep::datasets
