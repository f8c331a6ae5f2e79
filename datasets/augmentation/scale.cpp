#include "datasets/augmentation/scale.h"

namespace medsweep::datasets {

Augmentation make_scale(const AugmentationOptions& options) {
  const auto draw = [options](const View& view, Geometry& geometry, RandomStream& stream) {
    const bool scaled = stream.chance(options.probability);
    const double factor = stream.uniform(1 - options.scaling, 1 + options.scaling);
    if (!scaled || factor == 1) return;
    if (options.border == Border::kMirror) geometry.append(MirrorMap{});
    const double depth = view.is_volume() ? 1 / factor : 1;
    geometry.append_about_centre({{{depth, 0, 0}, {0, 1 / factor, 0}, {0, 0, 1 / factor}}});
  };
  return moving(draw, 0, options.border == Border::kMirror ? 1 : 1 / (1 - options.scaling));
}

}  // namespace medsweep::datasets
