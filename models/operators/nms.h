#pragma once

#include <torch/types.h>

namespace medsweep::models {

/// Greedy non-maximum suppression: from the highest score down, a box is kept unless its
/// intersection over union with a kept one is above `threshold`.
///
/// boxes: [n, 4] float32 (x1, y1, x2, y2); scores: [n] float32; threshold: 0 to 1.
/// Returns the kept indices, int64, by falling score (of equal ones the lower index first). The
/// ratio is rounded to float32 as torchvision does; a box with a coordinate that is not a number
/// neither suppresses nor is suppressed. Does not depend on the number of threads; no gradient.
/// medsweep::nms of torch's dispatcher. Throws std::invalid_argument for other shapes or types.
torch::Tensor nms(const torch::Tensor& boxes, const torch::Tensor& scores, double threshold);

/// The same where only boxes of one group suppress each other. groups: [n] int64.
torch::Tensor batched_nms(const torch::Tensor& boxes, const torch::Tensor& scores,
                          const torch::Tensor& groups, double threshold);

}  // namespace medsweep::models
