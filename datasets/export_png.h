#pragma once

#include "datasets/export.h"

namespace medsweep::datasets {

/// images/NAME.png with all values (export_images.h says how), labels/NAME.png of 8 bits whose grey
/// levels are the label values, field_of_view/NAME.png and second_observer/NAME.png where there are
/// any, and samples.csv with a row a sample:
///
///   sample,image,mask,case,patient,group,source,slice,fold,spacing_depth,spacing_height,
///   spacing_width,scale,offset
///
/// Paths are relative to the folder, several files of one image separated by blanks, unknown
/// spacings and folds empty; value = pixel * scale + offset. classes.csv has the label values'
/// names. Boxes and masks of objects are not in the format: a note says so.
///
/// Throws std::invalid_argument for volumes.
ExportReport export_png(const DataFile& file, const std::filesystem::path& folder,
                        const ExportProgress& progress);

}  // namespace medsweep::datasets
