#include "datasets/augmentation/flip_rotate.h"

#include "datasets/augmentation/chain.h"
#include "datasets/augmentation/flip.h"
#include "datasets/augmentation/rotate.h"

namespace medsweep::datasets {

Augmentation make_flip_rotate(const AugmentationOptions& options) {
  return chain({make_flip(options), make_rotate(options)});
}

}  // namespace medsweep::datasets
