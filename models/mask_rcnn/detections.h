#pragma once

#include <torch/types.h>

#include "datasets/batch.h"
#include "models/mask_rcnn/stage_options.h"

namespace medsweep::models {

/// Objects found in an image, the most probable first; masks still at the head's resolution.
struct FoundObjects {
  torch::Tensor boxes;    ///< [n, 4] float32
  torch::Tensor scores;   ///< [n] float32
  torch::Tensor labels;   ///< [n] int64: 1...classes
  torch::Tensor masks{};  ///< [n, M, M] float32 probabilities within the box; undefined without
};

/// probabilities: [r, 1 + classes], boxes: [r, 4 (1 + classes)] float32 of one image's regions.
/// Boxes are clipped to `size`; those not above min_score or narrower than min_side are dropped,
/// then those that a more probable one of their class overlaps by more than nms_iou; `limit` stay.
FoundObjects select_detections(const torch::Tensor& probabilities, const torch::Tensor& boxes,
                               const datasets::Extent& size, const DetectionOptions& options);

}  // namespace medsweep::models
