#include "datasets/augmentation/none.h"

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

Augmentation make_no_augmentation(const AugmentationOptions&) {
  return moving([](const View&, Geometry&, RandomStream&) {});
}

}  // namespace medsweep::datasets
