#pragma once

#include <torch/nn.h>

#include <vector>

#include "models/mask_rcnn/box_head.h"
#include "models/mask_rcnn/detections.h"
#include "models/mask_rcnn/mask_head.h"
#include "models/mask_rcnn/objects.h"
#include "models/mask_rcnn/region_sampling.h"
#include "models/model.h"

namespace medsweep::models {

/// What is in the proposed regions: class, box and mask (He et al.: Mask R-CNN, ICCV 2017, arXiv
/// 1703.06870). Keys: box_head.*, box_predictor.*, mask_head.*, mask_predictor.*.
class RoiHeadsImpl : public torch::nn::Module {
 public:
  RoiHeadsImpl(const MaskRcnnOptions& options, std::int64_t classes);
  /// loss_classifier, loss_box_reg and, with masks, loss_mask, over sampled regions.
  Losses loss(const std::vector<torch::Tensor>& pyramid,
              const std::vector<torch::Tensor>& proposals, const RcnnTruth& truth,
              const ChooseCandidates& choose);
  /// Per image of `sizes`, boxes in pixels of the input. Without gradient.
  std::vector<FoundObjects> find(const std::vector<torch::Tensor>& pyramid,
                                 const std::vector<torch::Tensor>& proposals,
                                 const std::vector<datasets::Extent>& sizes);

 private:
  /// Class logits and deltas, float32.
  std::pair<torch::Tensor, torch::Tensor> boxes_of(const std::vector<torch::Tensor>& pyramid,
                                                   const Regions& regions);
  /// Mask logits of class labels[i] in region i: [R, M, M] float32.
  torch::Tensor masks_of(const std::vector<torch::Tensor>& pyramid, const Regions& regions,
                         const torch::Tensor& labels);
  void add_masks(const std::vector<torch::Tensor>& pyramid, std::vector<FoundObjects>& found);

  RoiOptions options_;
  DetectionOptions detection_;
  Precision precision_;
  BoxHead box_head_{nullptr};
  BoxPredictor box_predictor_{nullptr};
  MaskHead mask_head_{nullptr};
  MaskPredictor mask_predictor_{nullptr};
};
TORCH_MODULE(RoiHeads);

}  // namespace medsweep::models
