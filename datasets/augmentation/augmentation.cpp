#include "datasets/augmentation/augmentation.h"

#include <array>

#include "datasets/augmentation/blur.h"
#include "datasets/augmentation/brightness_contrast.h"
#include "datasets/augmentation/chain.h"
#include "datasets/augmentation/clahe.h"
#include "datasets/augmentation/coarse_dropout.h"
#include "datasets/augmentation/crop.h"
#include "datasets/augmentation/elastic.h"
#include "datasets/augmentation/equalize.h"
#include "datasets/augmentation/flip.h"
#include "datasets/augmentation/flip_rotate.h"
#include "datasets/augmentation/gamma.h"
#include "datasets/augmentation/gray.h"
#include "datasets/augmentation/mirror_pad.h"
#include "datasets/augmentation/noise.h"
#include "datasets/augmentation/none.h"
#include "datasets/augmentation/retina.h"
#include "datasets/augmentation/rotate.h"
#include "datasets/augmentation/sa_unet.h"
#include "datasets/augmentation/saturation.h"
#include "datasets/augmentation/scale.h"
#include "datasets/augmentation/sharpness.h"
#include "datasets/augmentation/shear.h"

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
    Entry<MakeAugmentation>{"scale", "scale", "datasets/augmentation/scale", make_scale,
                            "enlarged or reduced about the centre"},
    Entry<MakeAugmentation>{"shear", "shear", "datasets/augmentation/shear", make_shear,
                            "rows and columns slide along themselves"},
    Entry<MakeAugmentation>{"elastic", "elastic", "datasets/augmentation/elastic", make_elastic,
                            "bent smoothly by random displacements"},
    Entry<MakeAugmentation>{"crop", "crop", "datasets/augmentation/crop", make_crop,
                            "a random part, often around foreground, fills the image"},
    Entry<MakeAugmentation>{"mirror_pad", "mirror", "datasets/augmentation/mirror_pad",
                            make_mirror_pad, "shifted, what comes in is the mirrored image"},
    Entry<MakeAugmentation>{"brightness", "bright", "datasets/augmentation/brightness_contrast",
                            make_brightness, "values shifted"},
    Entry<MakeAugmentation>{"contrast", "contrast", "datasets/augmentation/brightness_contrast",
                            make_contrast, "values stretched about their mean"},
    Entry<MakeAugmentation>{"brightness_contrast", "bc",
                            "datasets/augmentation/brightness_contrast", make_brightness_contrast,
                            "values shifted, and stretched about their mean"},
    Entry<MakeAugmentation>{"gamma", "gamma", "datasets/augmentation/gamma", make_gamma,
                            "values raised to a power within their range"},
    Entry<MakeAugmentation>{"saturation", "saturation", "datasets/augmentation/saturation",
                            make_saturation, "colours made weaker or stronger"},
    Entry<MakeAugmentation>{"sharpness", "sharp", "datasets/augmentation/sharpness", make_sharpness,
                            "detail made weaker or stronger"},
    Entry<MakeAugmentation>{"blur", "blur", "datasets/augmentation/blur", make_blur,
                            "Gaussian filter"},
    Entry<MakeAugmentation>{"noise", "noise", "datasets/augmentation/noise", make_noise,
                            "Gaussian noise added to every value"},
    Entry<MakeAugmentation>{"clahe", "clahe", "datasets/augmentation/clahe", make_clahe,
                            "histogram equalised locally, contrast limited"},
    Entry<MakeAugmentation>{"equalize", "equalize", "datasets/augmentation/equalize", make_equalize,
                            "histogram equalised"},
    Entry<MakeAugmentation>{"coarse_dropout", "dropout", "datasets/augmentation/coarse_dropout",
                            make_coarse_dropout, "rectangles hidden behind the mean"},
    Entry<MakeAugmentation>{"retina", "retina", "datasets/augmentation/retina", make_retina,
                            "Retina's recipe: gray, flip, rotate by up to 45 degrees"},
    Entry<MakeAugmentation>{"sa_unet", "saunet", "datasets/augmentation/sa_unet", make_sa_unet,
                            "SA-UNet's recipe: one of its 13 variants"},
};
static_assert(names_are_unique(kAugmentations));

}  // namespace

Augmentation make_augmentation(std::string_view name, const AugmentationOptions& options) {
  const auto& entry = find("augmentation", kAugmentations, name);
  check(options);
  return entry.make(options);
}

Augmentation make_augmentation(const std::vector<NamedAugmentation>& list) {
  std::vector<Augmentation> made;
  for (const NamedAugmentation& one : list)
    made.push_back(make_augmentation(one.name, one.options));
  return chain(made);
}

std::vector<Row> augmentation_rows() { return rows_of(kAugmentations); }

}  // namespace medsweep::datasets
