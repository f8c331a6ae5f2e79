#pragma once

#include <torch/types.h>

#include "models/mask_rcnn/stage_options.h"

namespace medsweep::models {

/// What match() says of a candidate without an object.
inline constexpr std::int64_t kBackground = -1;  ///< below background_iou with every object
inline constexpr std::int64_t kUndecided = -2;   ///< between the two thresholds

/// Whether every object gets the candidates that overlap it best, however little.
enum class BestForObject {
  kMatched,  ///< also below foreground_iou, ties included: anchors
  kLeftOut,  ///< regions
};

/// boxes [m, 4] and candidates [n, 4] float32 -> [n] int64: the object with the highest IoU (the
/// first of equals) where that is at least foreground_iou, else kBackground or kUndecided. With
/// kMatched, a candidate that no other exceeds in its overlap with some object, and which overlaps
/// it, gets the object that it overlaps most. Without objects all are kBackground.
/// Works in pieces, so that thousands of objects on a large image need little memory.
torch::Tensor match(const torch::Tensor& boxes, const torch::Tensor& candidates,
                    const SamplingOptions& thresholds, BestForObject best);

/// [n] bool: candidates of whose area at least `share` (and some) lies in one of `crowds` [k, 4].
torch::Tensor is_covered(const torch::Tensor& candidates, const torch::Tensor& crowds,
                         double share);

}  // namespace medsweep::models
