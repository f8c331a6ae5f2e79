#include "datasets/augmentation/flip_rotate.h"

#include "datasets/augmentation/flip.h"
#include "datasets/augmentation/rotate.h"

namespace medsweep::datasets {

Augmentation make_flip_rotate(const AugmentationOptions& options) {
  const Augmentation flip = make_flip(options), rotate = make_rotate(options);
  return {[flip, rotate](View& view, RandomStream& stream) {
            flip.apply(view, stream);
            rotate.apply(view, stream);
          },
          rotate.degrees};
}

}  // namespace medsweep::datasets
