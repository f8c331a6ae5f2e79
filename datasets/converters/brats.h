#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// BraTS, brain tumours in MRI of four modalities: Menze et al., IEEE TMI 34(10), 2015; Bakas et
/// al., Scientific Data 4, 2017. Two forms, wherever they lie below the source:
/// - 2017 to 2021, <case>_{t1,t2,t1ce,flair,seg}.nii.gz: labels 1 necrosis and non-enhancing
/// tumour,
///   2 edema, 4 enhancing tumour;
/// - 2015, a folder with T1_, T2_, T1c_ and Flair_subtrMeanDivStd.nii.gz, OTMultiClass and, where
/// it
///   is there, brainmask: labels 1 necrosis, 2 edema, 3 non-enhancing, 4 enhancing tumour; 3 is
///   merged with 1, as the organisers did in 2017.
///
/// Volumes (dimension 2: slices) with the classes ncr, ed, et (codes 1, 2, 4) and the overlapping
/// regions wt (all), tc (ncr, et) and et. Channels are the modalities that there are, in the order
/// t1, t2, t1ce, flair; a case that lacks one that others have is an error, and so is one without
/// labels where others have them. The group is HGG or LGG where a folder is called so. The patient
/// is the case without the number of its scan, Brats18_TCIA01_147 of Brats18_TCIA01_147_1, or what
/// options.patient finds.
///
/// options.normalize "brain": float32, each channel's mean 0 and deviation 1 within the brain (the
/// brain mask, else wherever any modality is not 0), 0 outside. Reads besides dimension, spacing,
/// patient. Throws as convert().
ConversionPlan plan_brats(const ConverterOptions& options);

}  // namespace medsweep::datasets
