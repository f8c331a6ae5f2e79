#pragma once

#include <cstdint>
#include <vector>

#include "datasets/batch.h"

namespace medsweep::datasets {

/// Which images have alike shapes: for each extent the number of its group, 0...2 steps + 1. Groups
/// are cut where width / height is 2^(i / steps), i = -steps...steps; a cut belongs to the group
/// above it. With 3 steps as the reference trainings of torchvision's detectors.
/// Throws std::invalid_argument for steps below 1 or an extent without pixels.
std::vector<std::int64_t> aspect_ratio_groups(const std::vector<Extent>& extents,
                                              std::int64_t steps = 3);

}  // namespace medsweep::datasets
