#pragma once

#include <torch/types.h>

namespace medsweep::models {

/// Pixels that count, those that are not datasets::kIgnored.
std::int64_t count_pixels(const torch::Tensor& labels);  // [N, H, W] int64

/// The pixels that count as float32 0 and 1, [N, 1, H, W]; undefined when all do.
torch::Tensor mask_of(const torch::Tensor& labels);

/// Whether a pixel belongs to classes 1...K, each by itself: [N, K, H, W] float32 in the memory
/// format of `logits`.
torch::Tensor class_maps(const torch::Tensor& labels, std::int64_t classes,
                         const torch::Tensor& logits);

}  // namespace medsweep::models
