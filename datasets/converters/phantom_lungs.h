#pragma once

#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Made-up frontal chest X-rays, [1, H, W] uint8, one a patient: two lungs behind ribs and
/// clavicles, heart, belly, shoulders; noise, uneven exposure. Classes left_lung (1) and right_lung
/// (2), each also an instance with its box and mask; *left is the patient's left*, the right side
/// of the image. Every second patient is "abnormal": a haze hides part of a lung's border, which
/// the label still follows; the others are "normal". Spacing in mm.
ConversionPlan plan_lungs(const ConverterOptions& options);

RawSample phantom_chest_image(const PhantomOptions& options, std::int64_t patient);

}  // namespace medsweep::datasets
