#include "base/distance_transform.h"

#include <algorithm>
#include <limits>

namespace medsweep {
namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();

/// The transform along one line of voxels, with its work space.
class LineTransform {
 public:
  LineTransform(std::int64_t length, double spacing)
      : spacing_(spacing),
        values_(static_cast<std::size_t>(length)),
        centers_(values_.size()),
        heights_(values_.size()),
        starts_(values_.size()) {}

  std::vector<double>& values() { return values_; }

  /// Replaces values[i] by the minimum over j of values[j] + (spacing * (i - j))^2.
  void apply() {
    const std::size_t parabolas = build_envelope();
    if (parabolas == 0) return;
    std::size_t current = 0;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const double position = spacing_ * static_cast<double>(i);
      while (current + 1 < parabolas && starts_[current + 1] < position) ++current;
      const double offset = position - centers_[current];
      values_[i] = offset * offset + heights_[current];
    }
  }

 private:
  // Where the parabola (center, height) falls below the given one of the envelope.
  double crossing(std::size_t other, double center, double height) const {
    return (center + centers_[other]) / 2 +
           (height - heights_[other]) / (2 * (center - centers_[other]));
  }

  std::size_t build_envelope() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i] == kFar) continue;
      const double center = spacing_ * static_cast<double>(i);
      double start = -kFar;
      while (count > 0 && (start = crossing(count - 1, center, values_[i])) <= starts_[count - 1])
        --count;
      centers_[count] = center;
      heights_[count] = values_[i];
      starts_[count] = count == 0 ? -kFar : start;
      ++count;
    }
    return count;
  }

  double spacing_;
  std::vector<double> values_, centers_, heights_, starts_;
};

/// Along the innermost axis, where every voxel is still 0 or infinitely far: two sweeps that count
/// voxels.
void transform_rows(std::vector<double>& squared, std::int64_t width, double spacing) {
  const auto length = static_cast<std::size_t>(width);
  for (std::size_t row = 0; row < squared.size(); row += length) {
    double distance = kFar;
    for (std::size_t i = row; i < row + length; ++i) {
      distance = squared[i] == 0 ? 0 : distance + 1;
      squared[i] = distance;
    }
    distance = kFar;
    for (std::size_t i = row + length; i-- > row;) {
      distance = std::min(squared[i], distance + 1);
      squared[i] = distance;
    }
    for (std::size_t i = row; i < row + length; ++i)
      squared[i] = (spacing * squared[i]) * (spacing * squared[i]);
  }
}

/// Along an axis of `length` voxels that are `stride` values apart.
void transform_axis(std::vector<double>& squared, std::int64_t length, std::int64_t stride,
                    double spacing) {
  if (length == 1) return;
  LineTransform line(length, spacing);
  std::vector<double>& values = line.values();
  const auto step = static_cast<std::size_t>(stride);
  const std::size_t block = step * values.size();
  for (std::size_t outer = 0; outer < squared.size(); outer += block)
    for (std::size_t first = outer; first < outer + step; ++first) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = squared[first + i * step];
      line.apply();
      for (std::size_t i = 0; i < values.size(); ++i) squared[first + i * step] = values[i];
    }
}

}  // namespace

std::vector<double> squared_distances(const std::vector<std::uint8_t>& marked,
                                      const GridShape& shape,
                                      const std::array<double, 3>& spacing) {
  std::vector<double> squared(marked.size());
  for (std::size_t i = 0; i < marked.size(); ++i) squared[i] = marked[i] != 0 ? 0 : kFar;
  transform_rows(squared, shape[2], spacing[2]);
  transform_axis(squared, shape[1], shape[2], spacing[1]);
  transform_axis(squared, shape[0], shape[1] * shape[2], spacing[0]);
  return squared;
}

}  // namespace medsweep
