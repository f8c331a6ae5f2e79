#include "datasets/augmentation/gray.h"

#include "datasets/augmentation/saturation.h"

namespace medsweep::datasets {

Augmentation make_gray(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    if (stream.chance(options.probability)) saturate(view.image, 0);
  }};
}

}  // namespace medsweep::datasets
