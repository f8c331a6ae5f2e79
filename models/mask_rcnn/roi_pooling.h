#pragma once

#include <torch/types.h>

#include <optional>
#include <vector>

#include "models/mask_rcnn/stage_options.h"
#include "models/precision.h"

namespace medsweep::models {

/// [R, 4] float32 boxes in pixels of the input -> [R] int64: which of the levels with steps 4, 8,
/// 16, 32 a box is pooled from, 0...3 (Lin et al.: Feature Pyramid Networks, CVPR 2017, eq. 1).
torch::Tensor region_levels(const torch::Tensor& boxes, LevelRule rule);

/// Regions of several images in the order of their levels, so that what is pooled from each level
/// lies together and features never have to be put in order.
struct Regions {
  torch::Tensor boxes;                  ///< [R, 4] float32
  torch::Tensor images;                 ///< [R] int64
  std::vector<std::int64_t> per_level;  ///< 4 counts, sum R
};

/// `boxes`: per image. Also returns the order: region i is box order[i] of all boxes one after the
/// other ([R] int64).
std::pair<Regions, torch::Tensor> by_level(const std::vector<torch::Tensor>& boxes, LevelRule rule);

/// Regions `kept` ([k] int64, ascending) of `regions`.
Regions select_regions(const Regions& regions, const torch::Tensor& kept);

/// What a region is pooled to.
struct RegionBins {
  std::int64_t size;                     ///< bins along each axis
  std::optional<MemoryLayout> layout{};  ///< of the result; as the pyramid's where not said
};

/// `pyramid`: the first four levels are used. -> [R, C, size, size] of the levels' type.
/// crop_and_resize takes one bilinear sample per bin, the first and last on the box's edges.
torch::Tensor pool_regions(const std::vector<torch::Tensor>& pyramid, const Regions& regions,
                           const RegionBins& bins, const RoiOptions& options);

}  // namespace medsweep::models
