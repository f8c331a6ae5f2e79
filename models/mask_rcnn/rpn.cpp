#include "models/mask_rcnn/rpn.h"

#include <torch/torch.h>

#include <algorithm>

#include "models/mask_rcnn/matcher.h"
#include "models/operators/boxes.h"
#include "models/operators/nms.h"
#include "models/precision.h"

namespace medsweep::models {
namespace {

// [N, A * width, H, W] -> [N, H * W * A, width] float32.
torch::Tensor by_anchor(const torch::Tensor& map, std::int64_t width) {
  return map.permute({0, 2, 3, 1})
      .reshape({map.size(0), map.size(1) / width * map.size(2) * map.size(3), width})
      .to(torch::kFloat);
}

// [n] int64: an object's index + 1 as positive label, 0 background, -1 not to be used.
torch::Tensor anchor_labels(const torch::Tensor& matches, const torch::Tensor& anchors,
                            const RcnnObjects& objects, const SamplingOptions& options) {
  const torch::Tensor labels = torch::where(matches == kUndecided, -1, matches + 1);
  if (objects.crowds.size(0) == 0) return labels;
  const torch::Tensor covered = is_covered(anchors, objects.crowds, options.ignore_cover);
  return torch::where(covered & (labels == 0), -1, labels);
}

}  // namespace

RpnHeadImpl::RpnHeadImpl(const MaskRcnnOptions& options, std::int64_t anchors)
    : score_(options.rpn.score) {
  const std::int64_t channels =
      options.rpn.channels > 0 ? options.rpn.channels : options.pyramid_channels;
  conv_ = register_module("conv", std::make_shared<torch::nn::Module>());
  stack_ = std::make_unique<ConvolutionStack>(
      *conv_, ConvolutionStackOptions{.in_channels = options.pyramid_channels,
                                      .channels = channels,
                                      .count = options.version == RcnnVersion::kV1 ? 1 : 2});
  const std::int64_t logits = score_ == ObjectnessScore::kSigmoid ? anchors : 2 * anchors;
  cls_logits_ = register_module("cls_logits",
                                torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, logits, 1)));
  bbox_pred_ = register_module(
      "bbox_pred", torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, 4 * anchors, 1)));
}

std::pair<torch::Tensor, torch::Tensor> RpnHeadImpl::forward(const torch::Tensor& level) {
  const torch::Tensor features = stack_->forward(level);
  const torch::Tensor logits = cls_logits_->forward(features);
  const torch::Tensor deltas = by_anchor(bbox_pred_->forward(features), 4);
  if (score_ == ObjectnessScore::kSigmoid) return {by_anchor(logits, 1).squeeze(2), deltas};
  // The softmax of two logits is the sigmoid of their difference, their losses are the same.
  const torch::Tensor pairs = by_anchor(logits, 2);
  return {pairs.select(2, 1) - pairs.select(2, 0), deltas};
}

RegionProposalsImpl::RegionProposalsImpl(const MaskRcnnOptions& options, std::size_t levels)
    : options_(options.rpn),
      precision_(options.precision),
      anchors_(options.rpn.anchors, levels),
      head_(register_module("head", RpnHead(options, anchors_.per_position()))) {}

RpnOutput RegionProposalsImpl::forward(const std::vector<torch::Tensor>& pyramid,
                                       const datasets::Extent& input) {
  std::vector<torch::Tensor> logits, deltas;
  std::vector<datasets::Extent> maps;
  RpnOutput output;
  {
    const AutocastGuard autocast(precision_, pyramid.front().device().type());
    for (const auto& level : pyramid) {
      auto [level_logits, level_deltas] = head_->forward(level);
      output.level_sizes.push_back(level_logits.size(1));
      logits.push_back(std::move(level_logits));
      deltas.push_back(std::move(level_deltas));
      maps.push_back({level.size(2), level.size(3)});
    }
  }
  output.logits = torch::cat(logits, 1);
  output.deltas = torch::cat(deltas, 1);
  output.anchors = torch::cat(anchors_.grid(maps, input));
  return output;
}

torch::Tensor RegionProposalsImpl::propose_one(const RpnOutput& output, std::int64_t image,
                                               const datasets::Extent& size,
                                               RcnnPhase phase) const {
  const bool training = phase == RcnnPhase::kTraining;
  const std::int64_t before =
      training ? options_.before_nms_training : options_.before_nms_prediction;
  const std::int64_t after = training ? options_.after_nms_training : options_.after_nms_prediction;
  const torch::Tensor logits = output.logits[image].detach();
  std::vector<std::int64_t> groups = output.level_sizes;
  if (options_.limit == ProposalLimit::kPerImage) groups = {logits.size(0)};
  std::vector<torch::Tensor> best, group_of;
  std::int64_t first = 0, group = 0;
  for (const std::int64_t count : groups) {
    const std::int64_t kept = std::min(before, count);
    best.push_back(std::get<1>(logits.narrow(0, first, count).topk(kept)) + first);
    group_of.push_back(torch::full({kept}, group++, torch::kLong));
    first += count;
  }
  const torch::Tensor chosen = torch::cat(best);
  torch::Tensor boxes =
      BoxCoder{options_.box_weights}.decode(output.deltas[image].detach().index_select(0, chosen),
                                            output.anchors.index_select(0, chosen));
  boxes = clip_boxes(boxes, size);
  const torch::Tensor scores = torch::sigmoid(logits.index_select(0, chosen));
  const torch::Tensor sides = boxes.slice(1, 2, 4) - boxes.slice(1, 0, 2);
  const torch::Tensor usable =
      torch::nonzero((sides >= options_.min_side).all(1) & (scores >= options_.min_score))
          .squeeze(1);
  boxes = boxes.index_select(0, usable);
  const torch::Tensor kept =
      batched_nms(boxes, scores.index_select(0, usable),
                  torch::cat(group_of).index_select(0, usable), options_.nms_iou);
  return boxes.index_select(0, kept.narrow(0, 0, std::min(after, kept.size(0))));
}

std::vector<torch::Tensor> RegionProposalsImpl::propose(const RpnOutput& output,
                                                        const std::vector<datasets::Extent>& sizes,
                                                        RcnnPhase phase) const {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> proposals;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    proposals.push_back(propose_one(output, static_cast<std::int64_t>(i), sizes[i], phase));
  return proposals;
}

Losses RegionProposalsImpl::loss(const RpnOutput& output, const RcnnTruth& truth,
                                 const ChooseCandidates& choose) const {
  const std::int64_t count = output.anchors.size(0);
  std::vector<torch::Tensor> sampled{torch::empty({0}, torch::kLong)}, positive = sampled;
  std::vector<torch::Tensor> wanted{torch::empty({0, 4})};
  std::vector<torch::Tensor> labels{torch::empty({0})};
  for (std::size_t i = 0; i < truth.objects.size(); ++i) {
    const RcnnObjects& objects = truth.objects[i];
    const torch::Tensor matches =
        match(objects.boxes, output.anchors, options_.sampling, BestForObject::kMatched);
    RandomStream stream = truth.anchors[i];
    const Sampled chosen =
        sample_balanced(anchor_labels(matches, output.anchors, objects, options_.sampling),
                        options_.sampling, choose, stream);
    const std::int64_t first = static_cast<std::int64_t>(i) * count;
    sampled.push_back(torch::cat({chosen.positive, chosen.negative}) + first);
    labels.push_back(torch::cat(
        {torch::ones({chosen.positive.size(0)}), torch::zeros({chosen.negative.size(0)})}));
    positive.push_back(chosen.positive + first);
    wanted.push_back(BoxCoder{options_.box_weights}.encode(
        objects.boxes.index_select(0, matches.index_select(0, chosen.positive)),
        output.anchors.index_select(0, chosen.positive)));
  }
  const torch::Tensor all = torch::cat(sampled);
  Losses losses;
  losses["loss_objectness"] =
      objectness_loss(output.logits.flatten().index_select(0, all), torch::cat(labels));
  losses["loss_rpn_box_reg"] =
      box_loss(output.deltas.flatten(0, 1).index_select(0, torch::cat(positive)),
               torch::cat(wanted), all.size(0), options_.box_loss);
  return losses;
}

}  // namespace medsweep::models
