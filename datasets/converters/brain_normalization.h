#pragma once

#include <torch/types.h>

#include <filesystem>
#include <vector>

namespace medsweep::datasets {

/// [C, D, H, W] float32: each channel minus its mean and over its deviation within the brain, 0
/// outside. The brain is where the NIfTI `mask` is above a half; without one (an empty path),
/// wherever any channel is not 0. Sums in a fixed order: the same on any number of threads.
///
/// Throws std::invalid_argument for a mask of another size, one without any voxel, and a channel
/// that is constant within it; it names the file, of `channels` one an image channel.
torch::Tensor normalized_in_brain(const torch::Tensor& image, const std::filesystem::path& mask,
                                  const std::vector<std::filesystem::path>& channels);

}  // namespace medsweep::datasets
