#pragma once

#include <torch/types.h>

#include <cstdint>

namespace medsweep::runner {

/// Masks here are [H, W] uint8, 0 or 1, on the host; results are new tensors.

/// Neighbours of a pixel: along rows and columns, or along diagonals too.
enum class Connectivity { kFour = 4, kEight = 8 };

/// Morphological opening by a square of `side` pixels (1 or less: nothing changes): what no such
/// square fits into goes; a square may lie beyond the image, as OpenCV has it. A side of an even
/// number does not move the mask.
torch::Tensor opened(const torch::Tensor& mask, std::int64_t side);

/// The `count` largest connected parts; of equal ones those whose first pixel in reading order
/// comes first.
torch::Tensor largest_parts(const torch::Tensor& mask, std::int64_t count,
                            Connectivity connectivity);

/// With the holes: what the mask encloses, seen along rows and columns, as SciPy's
/// binary_fill_holes.
torch::Tensor holes_filled(const torch::Tensor& mask);

/// The box of the mask's pixels, [4] float32: x1, y1, x2, y2; zeros where it is empty.
torch::Tensor box_around(const torch::Tensor& mask);

}  // namespace medsweep::runner
