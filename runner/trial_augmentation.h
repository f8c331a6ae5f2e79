#pragma once

#include <vector>

#include "datasets/augmentation/view.h"
#include "runner/settings.h"

namespace medsweep::runner {

/// The augmentations of a study, one after another. Throws std::invalid_argument for unknown names
/// and options out of range.
datasets::Augmentation make_augmentation(const std::vector<Named>& list);

}  // namespace medsweep::runner
