#include "models/mask_rcnn/roi_heads.h"

#include <torch/torch.h>

#include "models/mask_rcnn/losses.h"
#include "models/operators/boxes.h"
#include "models/precision.h"

namespace medsweep::models {
namespace {

// The inverse of a permutation.
torch::Tensor inverse_order(const torch::Tensor& order) {
  return torch::empty_like(order).scatter_(0, order, torch::arange(order.size(0)));
}

// Rows [R, k, ...] -> row i's entry at index[i]: [R, ...].
torch::Tensor entry_of_each(const torch::Tensor& rows, const torch::Tensor& index) {
  const torch::Tensor flat = torch::arange(rows.size(0)) * rows.size(1) + index;
  return rows.flatten(0, 1).index_select(0, flat);
}

}  // namespace

RoiHeadsImpl::RoiHeadsImpl(const MaskRcnnOptions& options, std::int64_t classes)
    : options_(options.roi), detection_(options.detection), precision_(options.precision) {
  box_head_ = register_module("box_head", BoxHead(options));
  box_predictor_ =
      register_module("box_predictor", BoxPredictor(options.roi.representation, classes));
  if (options.outputs == RcnnOutputs::kBoxes) return;
  mask_head_ = register_module("mask_head", MaskHead(options));
  mask_predictor_ =
      register_module("mask_predictor", MaskPredictor(options.pyramid_channels, classes));
}

std::pair<torch::Tensor, torch::Tensor> RoiHeadsImpl::boxes_of(
    const std::vector<torch::Tensor>& pyramid, const Regions& regions) {
  const torch::Tensor pooled =
      pool_regions(pyramid, regions, {options_.box_size, box_head_->region_layout()}, options_);
  const AutocastGuard autocast(precision_, pooled.device().type());
  return box_predictor_->forward(box_head_->forward(pooled));
}

torch::Tensor RoiHeadsImpl::masks_of(const std::vector<torch::Tensor>& pyramid,
                                     const Regions& regions, const torch::Tensor& labels) {
  const torch::Tensor pooled = pool_regions(pyramid, regions, {options_.mask_size}, options_);
  const AutocastGuard autocast(precision_, pooled.device().type());
  return entry_of_each(mask_predictor_->forward(mask_head_->forward(pooled)), labels);
}

Losses RoiHeadsImpl::loss(const std::vector<torch::Tensor>& pyramid,
                          const std::vector<torch::Tensor>& proposals, const RcnnTruth& truth,
                          const ChooseCandidates& choose) {
  const SampledRegions sampled = sample_regions(proposals, truth, options_, choose);
  const auto [logits, deltas] = boxes_of(pyramid, sampled.regions);
  const torch::Tensor positive = torch::nonzero(sampled.labels > 0).squeeze(1);
  const torch::Tensor labels = sampled.labels.index_select(0, positive);
  Losses losses;
  losses["loss_classifier"] = class_loss(logits, sampled.labels);
  const torch::Tensor of_class = entry_of_each(
      deltas.index_select(0, positive).view({labels.size(0), deltas.size(1) / 4, 4}), labels);
  losses["loss_box_reg"] = box_loss(of_class, sampled.deltas.index_select(0, positive),
                                    sampled.labels.size(0), options_.box_loss);
  if (mask_head_.is_empty()) return losses;
  const torch::Tensor masks = masks_of(pyramid, select_regions(sampled.regions, positive), labels);
  losses["loss_mask"] = mask_loss(masks, mask_targets(sampled, positive, truth, options_));
  return losses;
}

std::vector<FoundObjects> RoiHeadsImpl::find(const std::vector<torch::Tensor>& pyramid,
                                             const std::vector<torch::Tensor>& proposals,
                                             const std::vector<datasets::Extent>& sizes) {
  const torch::NoGradGuard no_grad;
  const auto [regions, order] = by_level(proposals, options_.level_rule);
  const auto [logits, deltas] = boxes_of(pyramid, regions);
  const torch::Tensor back = inverse_order(order);
  const torch::Tensor probabilities = torch::softmax(logits, 1).index_select(0, back);
  const torch::Tensor boxes =
      BoxCoder{options_.box_weights}.decode(deltas, regions.boxes).index_select(0, back);
  std::vector<FoundObjects> found;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::int64_t count = proposals[i].size(0);
    found.push_back(select_detections(probabilities.narrow(0, first, count),
                                      boxes.narrow(0, first, count).flatten(1), sizes[i],
                                      detection_));
    first += count;
  }
  if (!mask_head_.is_empty()) add_masks(pyramid, found);
  return found;
}

void RoiHeadsImpl::add_masks(const std::vector<torch::Tensor>& pyramid,
                             std::vector<FoundObjects>& found) {
  std::vector<torch::Tensor> boxes, labels{torch::empty({0}, torch::kLong)};
  for (const auto& objects : found) {
    boxes.push_back(objects.boxes);
    labels.push_back(objects.labels);
  }
  const auto [regions, order] = by_level(boxes, options_.level_rule);
  const torch::Tensor masks =
      torch::sigmoid(masks_of(pyramid, regions, torch::cat(labels).index_select(0, order)))
          .index_select(0, inverse_order(order));
  std::int64_t first = 0;
  for (auto& objects : found) {
    const std::int64_t count = objects.labels.size(0);
    objects.masks = masks.narrow(0, first, count);
    first += count;
  }
}

}  // namespace medsweep::models
