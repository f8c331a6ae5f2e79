#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// HVSMR 2016, whole-heart MRI of congenital heart disease: Pace et al., MICCAI 2015.
///
/// Every file training_KIND_patN.nii.gz or testing_KIND_patN.nii.gz below the source, KIND being
/// axial_crop, axial_full, sa_crop or sa_full, with KIND_patN-label.nii.gz beside it or elsewhere
/// below (.nii too). What is called training needs its labels; testing files may lack them and are
/// then samples without labels. options.images, "training_axial_crop_pat*.nii.gz", takes one kind;
/// else all that are there are taken, one patient's kinds being one patient.
///
/// Volumes of one channel (dimension 2: slices) with classes myocardium (1), blood_pool (2); source
/// training or testing. Reads the options dimension, spacing and images. Throws as convert().
ConversionPlan plan_hvsmr(const ConverterOptions& options);

}  // namespace medsweep::datasets
