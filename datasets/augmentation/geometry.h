#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <variant>
#include <vector>

#include "datasets/augmentation/view.h"

namespace medsweep::datasets {

/// z, y, x in pixels: the middle of the first pixel is 0, 0, 0. In an image z is 0 throughout.
using Point = std::array<double, 3>;

/// p -> matrix * p + offset.
struct AffineMap {
  std::array<std::array<double, 3>, 3> matrix{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Point offset{};
  Point operator()(const Point& point) const;
  bool operator==(const AffineMap&) const = default;
};
/// p -> outer(inner(p)).
AffineMap composed(const AffineMap& outer, const AffineMap& inner);
/// The map back. Throws std::invalid_argument where there is none.
AffineMap inverse(const AffineMap& map);

/// p -> p + field(p), linear between pixels, the border's value beyond.
struct DisplacementMap {
  torch::Tensor field;  ///< [2, H, W]: y, x, or [3, D, H, W]: z, y, x; float32, contiguous
};

/// Every coordinate is reflected at the middles of the outermost pixels until it lies within.
struct MirrorMap {};

/// A change of place: for every pixel of the changed view, the place in the old one that it comes
/// from. Changes that are appended one after another are applied in one pass over the pixels, with
/// one interpolation.
class Geometry {
 public:
  using Map = std::variant<AffineMap, DisplacementMap, MirrorMap>;

  explicit Geometry(const View& view);

  /// Continues the change: `map` leads from a place after it to the place before it.
  void append(const AffineMap& map);
  void append(DisplacementMap map);
  void append(MirrorMap map);
  /// The same for the map p -> centre + matrix (p - centre), about the centre of the view.
  void append_about_centre(const std::array<std::array<double, 3>, 3>& matrix);
  /// Exchanges first and last along the axis 0 (depth), 1 (rows) or 2 (columns).
  void append_flip(std::size_t axis);

  const std::array<std::int64_t, 3>& size() const { return size_; }  ///< D, H, W; an image: 1, H, W
  const std::array<double, 3>& spacing() const { return spacing_; }
  bool is_volume() const { return volume_; }
  /// The last is applied first: a place of the new view goes through them from the back.
  const std::vector<Map>& maps() const { return maps_; }
  bool is_identity() const;
  /// Which axes are exchanged where that is all that happens, and nothing where it is not.
  bool is_flip(std::array<bool, 3>& axes) const;

  /// Where a place of the new view comes from.
  Point source_of(Point point) const;
  /// Where a place of the old view goes: through elastic changes by fixed-point iteration, which
  /// converges where they do not fold; a mirrored border leaves the place itself.
  Point target_of(Point point) const;

 private:
  std::array<std::int64_t, 3> size_{};
  std::array<double, 3> spacing_{};
  bool volume_ = false;
  std::vector<Map> maps_;
};

/// Moves the view: image with linear interpolation and zeros from beyond the border, labels with
/// the nearest pixel's and kIgnored from beyond, masks with the nearest and 0. Boxes become the
/// bounds of the moved masks where there are masks, else of the moved outline of the box; they are
/// clipped to the image, and a box of which nothing is left is 0, 0, 0, 0: the caller drops it.
/// Throws std::invalid_argument for boxes or masks of a volume.
void apply(const Geometry& geometry, View& view);

/// The augmentation that draws a change of place; `degrees`, `stretch` and `pixels` as there.
Augmentation moving(std::function<void(const View&, Geometry&, RandomStream&)> draw,
                    double degrees = 0, double stretch = 1, double pixels = 0);

}  // namespace medsweep::datasets
