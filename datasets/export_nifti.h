#pragma once

#include "datasets/export.h"

namespace medsweep::datasets {

/// One volume a case: images/<case>.nii.gz ([x, y, z], of several channels [x, y, z, channel]) and
/// labels/<case>.nii.gz with the codes of the source (header.label_codes); where they are there
/// field_of_view/<case>.nii.gz and second_observer/<case>.nii.gz. Slices are stacked by their
/// numbers. Types, spacing and affine are as in the file; `prepare nifti` reads the folder back,
/// with labels.csv as its label map. Instances, regions, groups and folds do not fit: a note says
/// so.
ExportReport export_nifti(const DataFile& file, const std::filesystem::path& folder,
                          const ExportProgress& progress);

}  // namespace medsweep::datasets
