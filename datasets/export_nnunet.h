#pragma once

#include "datasets/export.h"

namespace medsweep::datasets {

/// nnU-Net's raw data (Isensee et al., Nature Methods 18, 2021), version 2: dataset.json,
/// imagesTr/<case>_0000.nii.gz and on, a file a channel, labelsTr/<case>.nii.gz; cases of the
/// source "test" or "testing", and those without labels, in imagesTs and labelsTs. Labels are 1, 2,
/// ... in the order of the classes, as nnU-Net wants them; outside the field of view they are
/// "ignore". Regions that lie within one another, as BraTS', become its regions. Folds of the data
/// are written as splits_final.json.
///
/// Channels are named channel_0 and on: put "CT" for Hounsfield units, which nnU-Net normalises
/// otherwise. Throws as ExportFormat.
ExportReport export_nnunet(const DataFile& file, const std::filesystem::path& folder,
                           const ExportProgress& progress);

}  // namespace medsweep::datasets
