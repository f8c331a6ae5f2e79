#include "datasets/converters/polygons.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "datasets/converters/run_lengths.h"

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kFine = 5;    // steps of the fine grid a pixel
constexpr std::int64_t kMiddle = 2;  // the step before a pixel's middle

/// A corner on the fine grid.
struct FinePoint {
  std::int64_t x, y;
};

/// Rounded as the COCO API does: halves up, and towards zero below it.
std::int64_t rounded(double value) { return static_cast<std::int64_t>(value + 0.5); }

void check_polygon(const Polygon& polygon, std::string_view where) {
  if (polygon.size() % 2 != 0)
    throw std::invalid_argument(
        fmt::format("[{}] a polygon of {} numbers; pairs x, y are allowed", where, polygon.size()));
  if (polygon.size() < 6)
    throw std::invalid_argument(fmt::format("[{}] a polygon with {} points; at least 3 are allowed",
                                            where, polygon.size() / 2));
  for (const double value : polygon)
    if (!(std::abs(value) <= kFarthestCorner))
      throw std::invalid_argument(
          fmt::format("[{}] a polygon's corner at {}; -{} to {} are allowed", where, value,
                      kFarthestCorner, kFarthestCorner));
}

/// Where a polygon's edges pass the middle of a column: there, and at all pixels below it and in
/// the columns right of it, inside and outside change.
class Crossings {
 public:
  Crossings(std::int64_t height, std::int64_t width)
      : height_(height), width_(width), changes_(static_cast<std::size_t>(height * width + 1)) {}

  void add_edge(FinePoint from, FinePoint to) {
    const std::int64_t across = std::abs(to.x - from.x), down = std::abs(to.y - from.y);
    if (across >= down) {
      if (from.x > to.x) std::swap(from, to);
      add_flat_edge(from, to);
    } else {
      if (from.y > to.y) std::swap(from, to);
      add_steep_edge(from, to);
    }
  }

  /// Sets what is inside, in row-major order.
  void fill(std::vector<std::uint8_t>& mask) const {
    bool inside = false;
    for (std::int64_t x = first_; x < end_; ++x)
      for (std::int64_t y = 0; y < height_; ++y) {
        inside = inside != (changes_[static_cast<std::size_t>(x * height_ + y)] != 0);
        if (inside) mask[static_cast<std::size_t>(y * width_ + x)] = 1;
      }
  }

 private:
  /// At least as wide as high, from left to right: one point a fine column.
  void add_flat_edge(const FinePoint& from, const FinePoint& to) {
    if (from.x == to.x) return;
    const double slope = static_cast<double>(to.y - from.y) / static_cast<double>(to.x - from.x);
    const auto row = [&](std::int64_t x) {
      return rounded(static_cast<double>(from.y) + slope * static_cast<double>(x - from.x));
    };
    const std::int64_t last = std::min(to.x, width_ * kFine);
    for (std::int64_t x = std::max<std::int64_t>(from.x, 0); x < last; ++x)
      if (x % kFine == kMiddle) cross(x / kFine, std::min(row(x), row(x + 1)));
  }

  /// Higher than wide, from top to bottom: one point a fine row.
  void add_steep_edge(const FinePoint& from, const FinePoint& to) {
    const double slope = static_cast<double>(to.x - from.x) / static_cast<double>(to.y - from.y);
    const auto column = [&](std::int64_t y) {
      return rounded(static_cast<double>(from.x) + slope * static_cast<double>(y - from.y));
    };
    for (std::int64_t y = from.y; y < to.y; ++y) {
      const std::int64_t left = std::min(column(y), column(y + 1));
      if (column(y) != column(y + 1) && left >= 0 && left % kFine == kMiddle)
        cross(left / kFine, y);
    }
  }

  void cross(std::int64_t x, std::int64_t fine_row) {
    if (x >= width_) return;
    const std::int64_t below = std::max<std::int64_t>(fine_row - kMiddle, 0);
    const std::int64_t y = std::min((below + kFine - 1) / kFine, height_);
    changes_[static_cast<std::size_t>(x * height_ + y)] ^= 1;
    first_ = std::min(first_, x);
    end_ = std::max(end_, x + 1);
  }

  std::int64_t height_, width_;
  std::int64_t first_ = width_, end_ = 0;  // columns that are crossed, each an even number of times
  std::vector<std::uint8_t> changes_;      // down the columns; the last one is beyond the image
};

}  // namespace

void check_polygons(const std::vector<Polygon>& polygons, std::string_view where) {
  for (const Polygon& polygon : polygons) check_polygon(polygon, where);
}

std::vector<std::uint8_t> fill_polygons(const std::vector<Polygon>& polygons, std::int64_t height,
                                        std::int64_t width, std::string_view where) {
  check_polygons(polygons, where);
  check_mask_size(height, width, where);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(height * width));
  for (const Polygon& polygon : polygons) {
    const auto corner = [&](std::size_t i) {
      const std::size_t at = 2 * i % polygon.size();
      return FinePoint{rounded(kFine * polygon[at]), rounded(kFine * polygon[at + 1])};
    };
    Crossings crossings(height, width);
    for (std::size_t i = 0; i < polygon.size() / 2; ++i)
      crossings.add_edge(corner(i), corner(i + 1));
    crossings.fill(mask);
  }
  return mask;
}

}  // namespace medsweep::datasets
