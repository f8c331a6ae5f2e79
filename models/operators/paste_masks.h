#pragma once

#include <torch/types.h>

#include "datasets/batch.h"

namespace medsweep::models {

/// Enlarges each mask to its box and puts it into an image of zeros, as torchvision does: the mask
/// gets a border of zeros of one pixel, the box grows about its centre by (M + 2) / M and is cut to
/// whole pixels, of which it covers at least one; the mask is resized bilinearly to that size.
///
/// masks: [n, M, M] float32, M at least 1; boxes: [n, 4] float32 (x1, y1, x2, y2), which may reach
/// outside the image; one that is not finite gives zeros. Returns [n, H, W] float32.
/// Throws std::invalid_argument for other shapes and types.
torch::Tensor paste_masks(const torch::Tensor& masks, const torch::Tensor& boxes,
                          const datasets::Extent& image);

}  // namespace medsweep::models
