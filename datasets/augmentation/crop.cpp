#include "datasets/augmentation/crop.h"

#include <algorithm>

#include "datasets/foreground.h"

namespace medsweep::datasets {
namespace {

// A place of the foreground in the view as changed so far; nothing where there is none.
std::optional<Point> foreground_place(const View& view, const Geometry& geometry,
                                      RandomStream& stream) {
  const auto pixel = draw_foreground(view.labels.contiguous(), stream);
  if (!pixel) return std::nullopt;
  const auto& size = geometry.size();
  const std::int64_t row = *pixel / size[2], depth = row / size[1];
  return geometry.target_of({static_cast<double>(depth), static_cast<double>(row % size[1]),
                             static_cast<double>(*pixel % size[2])});
}

}  // namespace

Augmentation make_crop(const AugmentationOptions& options) {
  return moving([options](const View& view, Geometry& geometry, RandomStream& stream) {
    if (!stream.chance(options.probability)) return;
    const double share = stream.uniform(options.smallest, 1);
    Point place{stream.uniform(), stream.uniform(), stream.uniform()};
    std::optional<Point> centre;
    if (stream.chance(options.foreground)) centre = foreground_place(view, geometry, stream);
    AffineMap map;
    for (std::size_t axis = view.is_volume() ? 0 : 1; axis < 3; ++axis) {
      const auto side = static_cast<double>(geometry.size()[axis]);
      const double room = (1 - share) * side;
      const double start = centre ? (*centre)[axis] + 0.5 - share * side / 2 : place[axis] * room;
      map.matrix[axis][axis] = share;
      // Pixel middles: (i + 0.5) of the view lies at start + share (i + 0.5).
      map.offset[axis] = std::clamp(start, 0.0, room) + share * 0.5 - 0.5;
    }
    geometry.append(map);
  });
}

}  // namespace medsweep::datasets
