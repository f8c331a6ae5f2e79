#include "datasets/augmentation/mirror_pad.h"

#include <cmath>

namespace medsweep::datasets {

Augmentation make_mirror_pad(const AugmentationOptions& options) {
  return moving([options](const View&, Geometry& geometry, RandomStream& stream) {
    const bool shifted = stream.chance(options.probability);
    AffineMap map;
    for (std::size_t axis = 1; axis < 3; ++axis)
      map.offset[axis] = std::round(stream.uniform(-options.margin, options.margin) *
                                    static_cast<double>(geometry.size()[axis]));
    if (!shifted) return;
    geometry.append(MirrorMap{});
    geometry.append(map);
  });
}

}  // namespace medsweep::datasets
