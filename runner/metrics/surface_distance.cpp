#include "runner/metrics/surface_distance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/distance_transform.h"

namespace medsweep::runner {
namespace {

/// The smallest block of the grid that holds both masks.
struct Box {
  GridShape first{}, last{-1, -1, -1};  ///< inclusive

  void include(const GridShape& voxel) {
    const bool empty = last[0] < 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      first[axis] = empty ? voxel[axis] : std::min(first[axis], voxel[axis]);
      last[axis] = empty ? voxel[axis] : std::max(last[axis], voxel[axis]);
    }
  }
  GridShape shape() const {
    return {last[0] - first[0] + 1, last[1] - first[1] + 1, last[2] - first[2] + 1};
  }
};

using Mask = std::vector<std::uint8_t>;

/// One class of a case as two masks over its grid.
struct TwoMasks {
  const std::uint8_t* prediction;
  const std::uint8_t* truth;
  const bool* valid;
  std::uint8_t label;
  GridShape grid;

  std::int64_t row(std::int64_t depth, std::int64_t height) const {
    return (depth * grid[1] + height) * grid[2];
  }
  bool in(const std::uint8_t* labels, std::int64_t voxel) const {
    return labels[voxel] == label && (valid == nullptr || valid[voxel]);
  }
};

Box box_of(const TwoMasks& masks) {
  Box box;
  for (std::int64_t d = 0; d < masks.grid[0]; ++d)
    for (std::int64_t h = 0; h < masks.grid[1]; ++h) {
      const std::int64_t row = masks.row(d, h);
      const auto filled = [&](std::int64_t w) {
        return masks.in(masks.prediction, row + w) || masks.in(masks.truth, row + w);
      };
      std::int64_t left = 0, right = masks.grid[2] - 1;
      while (left <= right && !filled(left)) ++left;
      if (left > right) continue;
      while (!filled(right)) --right;
      box.include({d, h, left});
      box.include({d, h, right});
    }
  return box;
}

Mask crop(const TwoMasks& masks, const std::uint8_t* labels, const Box& box) {
  Mask cropped;
  cropped.reserve(static_cast<std::size_t>(box.shape()[0] * box.shape()[1] * box.shape()[2]));
  for (std::int64_t d = box.first[0]; d <= box.last[0]; ++d)
    for (std::int64_t h = box.first[1]; h <= box.last[1]; ++h)
      for (std::int64_t w = box.first[2]; w <= box.last[2]; ++w)
        cropped.push_back(masks.in(labels, masks.row(d, h) + w) ? 1 : 0);
  return cropped;
}

/// Marks voxels of the mask whose neighbours along one axis are not both of it.
void mark_surface(const Mask& mask, std::size_t length, std::size_t stride, Mask& surface) {
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const std::size_t position = i / stride % length;
    const bool inner =
        position > 0 && position + 1 < length && mask[i - stride] != 0 && mask[i + stride] != 0;
    if (mask[i] != 0 && !inner) surface[i] = 1;
  }
}

/// `planar`: the case is one image, so that nothing lies above or below it.
Mask surface_of(const Mask& mask, const GridShape& shape, bool planar) {
  const auto depth = static_cast<std::size_t>(shape[0]);
  const auto height = static_cast<std::size_t>(shape[1]);
  const auto width = static_cast<std::size_t>(shape[2]);
  Mask surface(mask.size());
  if (!planar) mark_surface(mask, depth, height * width, surface);
  mark_surface(mask, height, width, surface);
  mark_surface(mask, width, 1, surface);
  return surface;
}

std::vector<double> directed(const Mask& from, const Mask& to, const GridShape& shape,
                             const std::array<double, 3>& spacing) {
  const std::vector<double> squared = squared_distances(to, shape, spacing);
  std::vector<double> distances;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] != 0) distances.push_back(std::sqrt(squared[i]));
  return distances;
}

std::vector<double> both_directions(const SurfaceDistances& distances) {
  std::vector<double> all = distances.to_truth;
  all.insert(all.end(), distances.to_prediction.begin(), distances.to_prediction.end());
  return all;
}

}  // namespace

std::optional<SurfaceDistances> surface_distances(const Case& whole, std::uint8_t label) {
  const TwoMasks masks{whole.prediction.const_data_ptr<std::uint8_t>(),
                       whole.truth.const_data_ptr<std::uint8_t>(),
                       whole.valid.defined() ? whole.valid.const_data_ptr<bool>() : nullptr,
                       label,
                       {whole.truth.size(0), whole.truth.size(1), whole.truth.size(2)}};
  const Box box = box_of(masks);
  if (box.last[0] < 0) return std::nullopt;
  const Mask prediction = crop(masks, masks.prediction, box);
  const Mask truth = crop(masks, masks.truth, box);
  const auto filled = [](const Mask& mask) { return std::ranges::find(mask, 1) != mask.end(); };
  if (!filled(prediction) || !filled(truth)) return std::nullopt;
  const bool planar = masks.grid[0] == 1;
  const Mask prediction_surface = surface_of(prediction, box.shape(), planar);
  const Mask truth_surface = surface_of(truth, box.shape(), planar);
  const std::array<double, 3> spacing{whole.spacing[0], whole.spacing[1], whole.spacing[2]};
  return SurfaceDistances{directed(prediction_surface, truth_surface, box.shape(), spacing),
                          directed(truth_surface, prediction_surface, box.shape(), spacing)};
}

double percentile(std::vector<double> values, double fraction) {
  const double rank = fraction * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(rank);
  const auto place = values.begin() + below;
  std::nth_element(values.begin(), place, values.end());
  const double low = *place;
  if (place + 1 == values.end()) return low;
  const double high = *std::min_element(place + 1, values.end());
  return low + (high - low) * (rank - static_cast<double>(below));
}

double hd95(const SurfaceDistances& distances) {
  return std::max(percentile(distances.to_truth, 0.95), percentile(distances.to_prediction, 0.95));
}

double hd(const SurfaceDistances& distances) {
  return std::max(*std::ranges::max_element(distances.to_truth),
                  *std::ranges::max_element(distances.to_prediction));
}

double hd95_pooled(const SurfaceDistances& distances) {
  return percentile(both_directions(distances), 0.95);
}

double assd(const SurfaceDistances& distances) {
  const std::vector<double> all = both_directions(distances);
  return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

}  // namespace medsweep::runner
