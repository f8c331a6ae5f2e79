#include "datasets/augmentation/none.h"

namespace medsweep::datasets {

Augmentation make_no_augmentation(const AugmentationOptions&) {
  return {[](View&, RandomStream&) {}, 0};
}

}  // namespace medsweep::datasets
