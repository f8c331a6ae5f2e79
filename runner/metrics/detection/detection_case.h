#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/batch.h"
#include "models/model.h"

namespace medsweep::runner {

/// One image of one task: what was found in it and what is there. Masks may be undefined on either
/// side; metrics of masks are undefined then.
struct DetectionCase {
  std::string name{};
  std::vector<std::string> classes{};  ///< K names of the task, label i is classes[i - 1]
  models::Detections found{};          ///< in any order
  datasets::Instances truth{};         ///< `ignore` undefined: no crowds
  datasets::Extent image{};
  std::optional<double> seconds{};  ///< that the network took for it; unknown: none
};

/// The case with contiguous tensors on the host and a defined `ignore`. Masks of no objects count
/// as known. Throws std::invalid_argument that names the case where shapes and types disagree, a
/// label is outside 1...K, or a box or score is not finite.
DetectionCase checked(const DetectionCase& unchecked);

/// Whether both sides have masks.
bool has_masks(const DetectionCase& ready);

}  // namespace medsweep::runner
