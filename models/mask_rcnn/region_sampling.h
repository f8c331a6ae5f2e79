#pragma once

#include <torch/types.h>

#include <vector>

#include "models/mask_rcnn/objects.h"
#include "models/mask_rcnn/roi_pooling.h"
#include "models/mask_rcnn/sampling.h"

namespace medsweep::models {

/// The regions of a batch that the heads learn from, in the order of their levels.
struct SampledRegions {
  Regions regions;        ///< R of them
  torch::Tensor labels;   ///< [R] int64: 0 background, else the class
  torch::Tensor objects;  ///< [R] int64: position of the object in its image; 0 for background
  torch::Tensor deltas;   ///< [R, 4] float32: what the box head is to say; 0 for background
};

/// Matches proposals (per image [p, 4]; the true boxes themselves appended where the options say
/// so) with the objects and samples among them. Proposals in crowds are no background.
SampledRegions sample_regions(const std::vector<torch::Tensor>& proposals, const RcnnTruth& truth,
                              const RoiOptions& options, const ChooseCandidates& choose);

/// What the mask head is to say of the regions at `positive` ([p] int64, ascending): each
/// object's mask, resized as its image was (nearest), pooled by RoIAlign (adaptive sampling) from
/// the region: [p, size, size] float32 in 0...1, or rounded. Of mini masks, which lie within their
/// object's box, the same up to the size of their parts.
torch::Tensor mask_targets(const SampledRegions& sampled, const torch::Tensor& positive,
                           const RcnnTruth& truth, const RoiOptions& options);

}  // namespace medsweep::models
