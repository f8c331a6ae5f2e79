#pragma once

#include <filesystem>
#include <vector>

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Notes which of these DICOM files say that texts, perhaps names, are drawn into their pixels
/// (BurnedInAnnotation YES): a person must look before the data file is shared. 0.2 ms a file.
/// Files that cannot be read are left to the conversion, which tells about them.
void note_burned_in(ConversionPlan& plan, const std::vector<std::filesystem::path>& files);

}  // namespace medsweep::datasets
