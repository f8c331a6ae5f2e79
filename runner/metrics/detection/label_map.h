#pragma once

#include <torch/types.h>

#include "datasets/batch.h"
#include "models/model.h"

namespace medsweep::runner {

/// The label map of what was found, so that a network that finds objects is scored by the metrics
/// of label maps too (evaluate_case): the union of the masks of each class with a score >=
/// minimum_score; where several classes claim a pixel, the highest score has it, the first of equal
/// ones. Without masks the pixels are those whose middle lies in the box.
///
/// Returns [H, W] uint8: 0 background, 1...K. Throws std::invalid_argument for masks of another
/// size than the image, and for a label outside 1...255.
torch::Tensor label_map_of(const models::Detections& found, const datasets::Extent& image,
                           double minimum_score = 0.5);

/// The pixels whose middle lies in a box x1, y1, x2, y2: [H, W] uint8, 0 or 1.
torch::Tensor filled_box(const float* box, const datasets::Extent& image);

}  // namespace medsweep::runner
