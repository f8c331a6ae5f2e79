#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <vector>

#include "datasets/converters/volume_geometry.h"

namespace medsweep::datasets {

/// Another grid over a volume, along [D, H, W]: voxel i of it lies at `first + i * step` of the old
/// one, which both share their centre. Outside the old volume its edge goes on.
struct Grid {
  enum class Axis { kKept, kSmooth, kNearest };
  std::array<std::int64_t, 3> size{};
  std::vector<double> first, step;
  std::array<Axis, 3> axes{};
};

/// The grid of `wanted` mm along [D, H, W], 0 leaving an axis alone: round(size * spacing / wanted)
/// voxels of exactly that spacing, at least one. As in nnU-Net (Isensee et al., Nature Methods 18,
/// 2021), an axis whose spacing, or else wanted spacing, is more than three times the smallest is
/// sampled at the nearest slice, the others smoothly.
/// Throws std::invalid_argument for what is not three numbers of 0 or more, and an unknown spacing.
Grid grid_of(const std::array<std::int64_t, 3>& size, const std::vector<double>& spacing,
             const std::vector<double>& wanted);

/// [C, D, H, W] of any type on another grid, in its type: cubic B-splines, clamped to each
/// channel's range, whole numbers rounded. The same on any number of threads.
torch::Tensor resample_image(const torch::Tensor& image, const Grid& grid);

/// [D, H, W] uint8 on another grid: each class linearly, the largest wins, the lower one where two
/// are equal. No label appears that was not there.
torch::Tensor resample_labels(const torch::Tensor& labels, const Grid& grid);

}  // namespace medsweep::datasets
