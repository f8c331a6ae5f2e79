#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// MALC, the MICCAI 2012 multi-atlas labelling challenge: T1 brains of OASIS with
/// Neuromorphometrics' structures (Landman and Warfield, 2012).
///
/// Folders training-images and testing-images below the source, 1000_3.nii or .nii.gz (subject and
/// session), with training-labels and testing-labels beside them, 1000_3_glm.nii. Testing images
/// may lack their labels. The patient is the subject, 1000: some were scanned twice.
///
/// The labels' codes are sparse (up to 207). options.label_map says which are which class; else the
/// first *LabelMap.xml below the source, as distributed. options.classes takes some of them.
///
/// Volumes of one channel (dimension 2: slices); source training or testing; header.label_codes has
/// the codes. Reads the options dimension, spacing, label-map and classes. Throws as convert().
ConversionPlan plan_malc(const ConverterOptions& options);

}  // namespace medsweep::datasets
