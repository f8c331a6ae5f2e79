#include "datasets/augmentation/augmentation.h"

#include <array>

#include "datasets/augmentation/brightness_contrast.h"
#include "datasets/augmentation/flip.h"
#include "datasets/augmentation/flip_rotate.h"
#include "datasets/augmentation/gray.h"
#include "datasets/augmentation/noise.h"
#include "datasets/augmentation/none.h"
#include "datasets/augmentation/rotate.h"

namespace medsweep::datasets {
namespace {

using MakeAugmentation = Augmentation (*)(const AugmentationOptions&);

// The one place to touch for a new augmentation.
constexpr std::array kAugmentations{
    Entry<MakeAugmentation>{"none", "none", "datasets/augmentation/none", make_no_augmentation,
                            "no augmentation: the sample itself"},
    Entry<MakeAugmentation>{"gray", "grayaug", "datasets/augmentation/gray", make_gray,
                            "colour taken away: every channel becomes the luma"},
    Entry<MakeAugmentation>{"flip", "flip", "datasets/augmentation/flip", make_flip,
                            "mirrored left-right and top-bottom"},
    Entry<MakeAugmentation>{"rotate", "rot", "datasets/augmentation/rotate", make_rotate,
                            "rotated about the centre"},
    Entry<MakeAugmentation>{"flip_rotate", "fliprot", "datasets/augmentation/flip_rotate",
                            make_flip_rotate, "flip, then rotate"},
    Entry<MakeAugmentation>{"brightness_contrast", "bc",
                            "datasets/augmentation/brightness_contrast", make_brightness_contrast,
                            "values shifted, and stretched about their mean"},
    Entry<MakeAugmentation>{"noise", "noise", "datasets/augmentation/noise", make_noise,
                            "Gaussian noise added to every value"},
};
static_assert(names_are_unique(kAugmentations));

}  // namespace

Augmentation make_augmentation(std::string_view name, const AugmentationOptions& options) {
  const auto& entry = find("augmentation", kAugmentations, name);
  check(options);
  return entry.make(options);
}

std::vector<Row> augmentation_rows() { return rows_of(kAugmentations); }

}  // namespace medsweep::datasets
