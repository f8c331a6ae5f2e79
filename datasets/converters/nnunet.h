#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// nnU-Net's raw data (Isensee et al., Nature Methods 18, 2021), and the Medical Segmentation
/// Decathlon's: dataset.json in the source, imagesTr/<case>_0000.nii.gz and on, one file a channel
/// (or imagesTr/<case>.nii.gz with the channels in its fourth axis), labelsTr/<case>.nii.gz;
/// imagesTs and labelsTs alike, whose cases may lack labels. Other endings that dataset.json gives,
/// .nii and what image_files.h reads (.png), are taken as well: such a picture is a slice.
///
/// Sources are "training" and "test". Folds are those of splits_final.json, in the source or
/// options.annotations. Codes of "ignore" are outside the field of view; names that stand for lists
/// of codes are header.regions. The patient is the case, or what options.patient finds in it.
///
/// Volumes (pictures, or dimension 2: slices). Reads the options dimension, spacing, patient and
/// annotations. Throws as convert().
ConversionPlan plan_nnunet(const ConverterOptions& options);

}  // namespace medsweep::datasets
