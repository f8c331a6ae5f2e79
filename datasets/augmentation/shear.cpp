#include "datasets/augmentation/shear.h"

#include <cmath>
#include <numbers>

namespace medsweep::datasets {
namespace {

double slope_of(double degrees) { return std::tan(degrees * std::numbers::pi / 180); }

}  // namespace

Augmentation make_shear(const AugmentationOptions& options) {
  const auto draw = [options](const View&, Geometry& geometry, RandomStream& stream) {
    const bool sheared = stream.chance(options.probability);
    const double rows = slope_of(stream.uniform(-options.shear, options.shear));
    const double columns = slope_of(stream.uniform(-options.shear, options.shear));
    if (!sheared) return;
    if (options.border == Border::kMirror) geometry.append(MirrorMap{});
    geometry.append_about_centre({{{1, 0, 0}, {0, 1, 0}, {0, rows, 1}}});
    geometry.append_about_centre({{{1, 0, 0}, {0, 1, columns}, {0, 0, 1}}});
  };
  const double slope = 1 + slope_of(options.shear);
  return moving(draw, 0, options.border == Border::kMirror ? 1 : slope * slope);
}

}  // namespace medsweep::datasets
