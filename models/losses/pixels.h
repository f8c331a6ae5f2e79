#pragma once

#include <vector>

#include "models/losses/losses.h"

namespace medsweep::models {

/// Pixels that count, those that are not datasets::kIgnored.
std::int64_t count_pixels(const torch::Tensor& labels);  // [N, ...] int64

/// The pixels that count as float32 0 and 1, [N, 1, ...]; undefined when all do.
torch::Tensor mask_of(const torch::Tensor& labels);

/// Whether a pixel belongs to classes 1...K, each by itself: [N, K, ...] float32 in the memory
/// format of the logits; with the background in front [N, K + 1, ...].
torch::Tensor class_maps(const LossInput& input, const LossTask& task,
                         Background background = Background::kLeftOut);

/// Whether a label is one of `wanted`: bool of the labels' shape.
torch::Tensor is_one_of(const torch::Tensor& labels, const std::vector<std::int64_t>& wanted);

/// The axes behind the channel: 2, 3 of images, 2, 3, 4 of volumes.
std::vector<std::int64_t> pixel_axes(const torch::Tensor& logits);

}  // namespace medsweep::models
