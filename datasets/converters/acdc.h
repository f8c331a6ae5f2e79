#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// ACDC, the Automated Cardiac Diagnosis Challenge: Bernard et al., IEEE TMI 37(11), 2018.
///
/// Every folder patientNNN below the source, wherever it lies; the folder above it gives the
/// sample's source ("training", "testing"). Inside: patientNNN_frameYY.nii.gz with
/// patientNNN_frameYY_gt.nii.gz, or patientNNN_ED and patientNNN_ES alike (.nii too); the 4-D cine
/// is left alone. Info.cfg, where present, says which frame is ED and which ES (the case is then
/// called patientNNN_ED) and the patient's group; nothing else of it is read.
///
/// Each slice is a sample of one channel with classes rv (1), myo (2), lv (3), or with dimension 3
/// each volume. Slices without a label are kept. Reads the options dimension and spacing. Throws as
/// convert().
ConversionPlan plan_acdc(const ConverterOptions& options);

}  // namespace medsweep::datasets
