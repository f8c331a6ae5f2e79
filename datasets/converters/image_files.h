#pragma once

#include <torch/types.h>

#include <filesystem>

namespace medsweep::datasets {

/// An RGB image of 8 bits (TIFF, PNG, JPEG): [3, H, W] uint8, red first.
/// Throws std::invalid_argument for another kind of image, std::runtime_error for a file that is
/// truncated or damaged; both name it.
torch::Tensor read_rgb(const std::filesystem::path& path);

/// The first picture of a GIF through its palette, as grey: [H, W] uint8. Throws alike; a palette
/// with colours is refused.
torch::Tensor read_gif(const std::filesystem::path& path);

/// A mask out of a GIF that holds 0 and 255 only: [H, W] uint8 of 0 and 1.
/// Throws std::invalid_argument that names the file and any other grey level.
torch::Tensor read_gif_mask(const std::filesystem::path& path);

}  // namespace medsweep::datasets
