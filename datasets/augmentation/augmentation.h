#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// The augmentation called `name`. Throws std::invalid_argument for an unknown name (with the
/// nearest known one) or options out of range.
Augmentation make_augmentation(std::string_view name, const AugmentationOptions& options = {});

/// One augmentation of a list.
struct NamedAugmentation {
  std::string name;
  AugmentationOptions options{};
};

/// The list, applied in its order; neighbours that only change places cost one interpolation
/// together. Throws as above.
Augmentation make_augmentation(const std::vector<NamedAugmentation>& list);

/// The table of augmentations.
std::vector<Row> augmentation_rows();

}  // namespace medsweep::datasets
