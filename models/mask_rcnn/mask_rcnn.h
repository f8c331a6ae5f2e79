#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/mask_rcnn/detections.h"
#include "models/mask_rcnn/feature_share.h"
#include "models/mask_rcnn/image_transform.h"
#include "models/mask_rcnn/options.h"
#include "models/mask_rcnn/sampling.h"
#include "models/mask_rcnn/tower.h"
#include "models/model.h"

namespace medsweep::models {

/// Finds objects: boxes, classes, scores and (RcnnOutputs::kMasks) masks. Mask R-CNN (He et al.,
/// ICCV 2017, arXiv 1703.06870) or Faster R-CNN (Ren et al., NeurIPS 2015) on a feature pyramid,
/// number for number as torchvision's where the options are its.
///
/// One task: keys are torchvision's (backbone.body.*, backbone.fpn.*, rpn.head.*, roi_heads.*), so
/// that weights exchange. Several tasks: a network for each, keys tasks.0.*, tasks.1.*, which see
/// the same images and may exchange their features (keys share.*).
///
/// While the heads are frozen (train_layers = "rpn") only the losses of the proposals are computed.
/// Losses, named "<task>.<loss>" for several tasks: loss_objectness, loss_rpn_box_reg,
/// loss_classifier, loss_box_reg, loss_mask, and loss_l2 where asked for. Their weights are the
/// counts that torchvision divides by. Images without objects train as background. Crowds are
/// neither objects nor background. What is sampled follows from batch.random_keys alone.
/// Convolutions and linear layers run in `precision`; boxes, scores and losses are float32.
///
/// Throws std::invalid_argument for options that check_options or a part refuses, and for
/// batches whose objects are faulty (see objects_of): the sample is named.
class MaskRcnn : public Model {
 public:
  explicit MaskRcnn(const MaskRcnnOptions& options, ChooseCandidates choose = choose_at_random);

  Losses loss(const datasets::Batch& batch) override;
  /// Always empty: the weights are counts of sampled anchors and regions.
  std::optional<LossWeights> loss_weights(const datasets::Batch& batch) const override;
  /// detections[task], boxes and masks at the image's own size.
  Predictions predict(const datasets::Batch& batch) override;
  /// Throws std::logic_error: objects are no map of probabilities.
  torch::Tensor label_map(const torch::Tensor& probabilities) const override;
  std::int64_t size_multiple() const override { return 1; }

  /// What predict() makes its masks of: per sample, task -> objects, boxes at the image's own size.
  std::vector<std::map<std::string, FoundObjects>> find(const datasets::Batch& batch);

 private:
  FeatureExchangeImpl::Pyramids pyramids_of(const torch::Tensor& images);
  bool trains_heads(std::size_t task) const;
  Losses task_loss(std::size_t task, const std::vector<torch::Tensor>& pyramid,
                   const RcnnInput& input, const datasets::Batch& batch);
  std::vector<torch::Tensor> decayed_tensors() const;

  MaskRcnnOptions options_;
  ChooseCandidates choose_;
  RcnnImageTransform transform_;
  std::vector<RcnnTower> towers_;  ///< one per task
  FeatureExchange share_{nullptr};
};

}  // namespace medsweep::models
