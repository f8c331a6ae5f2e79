#include "datasets/augmentation/retina.h"

#include "datasets/augmentation/chain.h"
#include "datasets/augmentation/flip_rotate.h"
#include "datasets/augmentation/gray.h"

namespace medsweep::datasets {

Augmentation make_retina(const AugmentationOptions& options) {
  return chain({make_gray(options), make_flip_rotate(options)});
}

}  // namespace medsweep::datasets
