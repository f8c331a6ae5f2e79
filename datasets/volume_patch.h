#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "datasets/augmentation/view.h"
#include "datasets/batch.h"
#include "datasets/patch.h"

namespace medsweep::datasets {

/// A box of a volume; it may reach beyond its borders. As DataFile::read_box takes it where it does
/// not.
struct Box {
  std::array<std::int64_t, 3> first{};  ///< along D, H, W
  Extent extent;
  bool operator==(const Box&) const = default;
};

/// A random box of a volume of this size, the voxels of its place drawn uniformly; nothing of the
/// volume needs to be read. Where the volume is smaller than the box, it lies in its middle.
Box draw_box(const Extent& volume, const Extent& patch, RandomStream& stream);

/// As draw_window: with probability `options.foreground` around a foreground voxel of `labels`, a
/// class drawn first, else anywhere. labels: [D, H, W] int16, contiguous.
Box draw_box(const torch::Tensor& labels, const PatchOptions& options, RandomStream& stream);

/// `box` enlarged on all sides by what the augmentation of a volume with this spacing (along D, H,
/// W) may fetch from beyond it.
Box with_context(const Box& box, const Augmentation& augmentation,
                 const std::array<double, 3>& spacing);

/// What of the box lies in the volume.
Box intersection(const Box& box, const Extent& volume);

/// The box's part of [..., D, H, W]; `fill` beyond the volume's borders.
torch::Tensor cut(const torch::Tensor& tensor, const Box& box, double fill);

/// Boxes of `patch` that cover the volume, slice by slice, as `windows` cover an image. Throws
/// std::invalid_argument for extents without voxels or an overlap outside [0, 1).
std::vector<Box> boxes(const Extent& volume, const Extent& patch, double overlap);

/// Puts predicted boxes together: the weighted mean where they overlap. Not for concurrent use.
class VolumeMosaic {
 public:
  VolumeMosaic(const Extent& volume, const Extent& patch, TileWeight weight);
  /// probabilities: [K, patch] float32. Throws std::invalid_argument for another size.
  void add(const Box& box, const torch::Tensor& probabilities);
  /// [K, volume] float32. Throws std::logic_error while a voxel is not covered.
  torch::Tensor result() const;

 private:
  Extent volume_;
  torch::Tensor weights_, sum_, total_;
};

}  // namespace medsweep::datasets
