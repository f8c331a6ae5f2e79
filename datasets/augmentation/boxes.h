#pragma once

#include <torch/types.h>

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// [n, 4] float32: x1, y1, x2, y2 of each mask's pixels, pixel i covering [i, i + 1); 0, 0, 0, 0
/// of an empty one. masks: [n, H, W] uint8.
torch::Tensor bounds_of(const torch::Tensor& masks);

/// The bounds of each box's outline after the change of place, clipped to the image; 0, 0, 0, 0
/// where nothing is left. boxes: [n, 4] float32. An elastic change bends the outline: it is
/// followed at a few points of each side.
torch::Tensor moved_boxes(const torch::Tensor& boxes, const Geometry& geometry);

}  // namespace medsweep::datasets
