#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Pairs of NIfTI files by the patterns of their names: options.images and options.labels, each
/// with one '*', the case's name, and folders where they are needed to tell them apart:
/// "images/*.nii.gz" and "labels/*.nii.gz", "*_T1.nii.gz" and "*_seg.nii.gz". What matches `labels`
/// is no image. Images of four axes have channels in the last.
///
/// options.label_map says which codes are which class, options.classes then takes some of them;
/// without a map `classes` names the codes 1, 2, .... options.patient finds the patient in the
/// case's name, which else is the patient itself. The source is the folder that holds the
/// pattern's, "train" of train/images/*.nii.gz, empty where that is the data set's own.
///
/// Volumes (dimension 2: slices), their axes as they are; header.label_codes has the codes. Reads
/// the options images, labels, label-map, classes, patient, dimension and spacing. Throws as
/// convert().
ConversionPlan plan_nifti(const ConverterOptions& options);

}  // namespace medsweep::datasets
