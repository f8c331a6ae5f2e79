#pragma once

#include <torch/nn.h>

#include <vector>

#include "models/mask_rcnn/anchors.h"
#include "models/mask_rcnn/convolution_stack.h"
#include "models/mask_rcnn/image_transform.h"
#include "models/mask_rcnn/losses.h"
#include "models/mask_rcnn/objects.h"
#include "models/mask_rcnn/sampling.h"

namespace medsweep::models {

/// What is said of all n anchors, level by level.
struct RpnOutput {
  torch::Tensor logits;                   ///< [N, n] float32: object or background
  torch::Tensor deltas;                   ///< [N, n, 4] float32
  torch::Tensor anchors;                  ///< [n, 4] float32, pixels of the input
  std::vector<std::int64_t> level_sizes;  ///< sum n
};

/// One head for all levels. Keys: conv.i.0.*, cls_logits.*, bbox_pred.*.
class RpnHeadImpl : public torch::nn::Module {
 public:
  RpnHeadImpl(const MaskRcnnOptions& options, std::int64_t anchors);
  /// One level [N, C, H, W] -> logits [N, H W A] and deltas [N, H W A, 4], float32.
  std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& level);

 private:
  ObjectnessScore score_;
  std::shared_ptr<torch::nn::Module> conv_;
  std::unique_ptr<ConvolutionStack> stack_;
  torch::nn::Conv2d cls_logits_{nullptr}, bbox_pred_{nullptr};
};
TORCH_MODULE(RpnHead);

/// Ren et al.: Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks,
/// NeurIPS 2015 (arXiv 1506.01497), on a feature pyramid. Keys: head.*.
class RegionProposalsImpl : public torch::nn::Module {
 public:
  /// `levels` of the pyramid. Throws std::invalid_argument when the anchors do not fit them.
  RegionProposalsImpl(const MaskRcnnOptions& options, std::size_t levels);
  RpnOutput forward(const std::vector<torch::Tensor>& pyramid, const datasets::Extent& input);
  /// Per image [p, 4] float32 without gradient, the most probable first: decoded, clipped to the
  /// image's size, without those too small, suppressed.
  std::vector<torch::Tensor> propose(const RpnOutput& output,
                                     const std::vector<datasets::Extent>& sizes,
                                     RcnnPhase phase) const;
  /// loss_objectness and loss_rpn_box_reg over sampled anchors.
  Losses loss(const RpnOutput& output, const RcnnTruth& truth,
              const ChooseCandidates& choose) const;

 private:
  torch::Tensor propose_one(const RpnOutput& output, std::int64_t image,
                            const datasets::Extent& size, RcnnPhase phase) const;

  RpnOptions options_;
  Precision precision_;
  AnchorGenerator anchors_;
  RpnHead head_{nullptr};
};
TORCH_MODULE(RegionProposals);

}  // namespace medsweep::models
