#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace medsweep::datasets {

/// What patches of images and of volumes do along one axis.

/// First pixel of a patch: as wanted as far as the borders allow; where the image is smaller than
/// the patch, so that the image lies in its middle.
std::int64_t patch_start(std::int64_t wanted, std::int64_t image, std::int64_t patch);

/// First pixels of tiles that cover the image: evenly spaced, neighbours sharing at least `overlap`
/// of the patch, the last flush with the border. One tile at 0 where the image is smaller.
std::vector<std::int64_t> tile_starts(std::int64_t image, std::int64_t patch, double overlap);

/// [side] float64: a Gaussian about the middle with the deviation side / 8.
torch::Tensor bell(std::int64_t side);

}  // namespace medsweep::datasets
