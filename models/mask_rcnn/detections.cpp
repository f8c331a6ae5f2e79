#include "models/mask_rcnn/detections.h"

#include <torch/torch.h>

#include <algorithm>

#include "models/operators/boxes.h"
#include "models/operators/nms.h"

namespace medsweep::models {

FoundObjects select_detections(const torch::Tensor& probabilities, const torch::Tensor& boxes,
                               const datasets::Extent& size, const DetectionOptions& options) {
  const std::int64_t regions = probabilities.size(0), classes = probabilities.size(1) - 1;
  const torch::Tensor clipped = clip_boxes(boxes.reshape({-1, 4}), size);
  torch::Tensor allowed = probabilities > options.min_score;  // [r, 1 + classes]
  allowed.select(1, 0).fill_(false);
  if (options.classes == ClassChoice::kMostProbable) {
    const torch::Tensor best =
        torch::zeros_like(allowed).scatter_(1, probabilities.argmax(1, /*keepdim=*/true), true);
    allowed = allowed & best;
  }
  const torch::Tensor sides = clipped.slice(1, 2, 4) - clipped.slice(1, 0, 2);
  allowed = allowed.flatten() & (sides >= options.min_side).all(1);
  const torch::Tensor candidates = torch::nonzero(allowed).squeeze(1);

  const torch::Tensor labels =
      torch::arange(1 + classes).expand({regions, 1 + classes}).reshape(-1);
  FoundObjects found{clipped.index_select(0, candidates),
                     probabilities.flatten().index_select(0, candidates),
                     labels.index_select(0, candidates)};
  torch::Tensor kept = batched_nms(found.boxes, found.scores, found.labels, options.nms_iou);
  kept = kept.narrow(0, 0, std::min(options.limit, kept.size(0)));
  return {found.boxes.index_select(0, kept), found.scores.index_select(0, kept),
          found.labels.index_select(0, kept)};
}

}  // namespace medsweep::models
