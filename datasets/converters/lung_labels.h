#pragma once

#include <string>
#include <vector>

#include "datasets/converters/lung_split.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// {"left_lung", "right_lung"}: what the labels 1 and 2 of chest X-rays are called.
std::vector<std::string> lung_classes();

/// Gives a sample the lungs as a label map and as instances with masks; a lung that is empty is no
/// instance. Both lungs are [H, W] of the sample's image.
void set_lungs(RawSample& sample, const LungSplit& lungs);

}  // namespace medsweep::datasets
