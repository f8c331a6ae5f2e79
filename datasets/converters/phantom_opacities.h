#pragma once

#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Made-up frontal chest X-rays, [1, H, W] uint8, one a patient, with the classes and groups of
/// rsna: one to three soft opacities in the lungs of every second patient (group lung_opacity),
/// each an instance of class lung_opacity with a box and the box as its mask; none in the others
/// (normal, or no_lung_opacity_not_normal with a large heart and a small bright nodule). The label
/// map is what the boxes cover.
ConversionPlan plan_opacities(const ConverterOptions& options);

RawSample phantom_opacity_image(const PhantomOptions& options, std::int64_t patient);

}  // namespace medsweep::datasets
