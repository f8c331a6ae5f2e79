#include "models/mask_rcnn/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <string_view>

namespace medsweep::models {
namespace {

constexpr std::array<std::string_view, 3> kAttentionPlaces{"mask_head", "box_head", "fpn"};
constexpr std::array<std::string_view, 3> kBodyPlaces{"c3", "c4", "c5"};
constexpr std::size_t kAnchoredLevels = 5;  // of the pyramid

void check_at_least(std::string_view what, std::int64_t value, std::int64_t least) {
  if (value < least)
    throw std::invalid_argument(
        fmt::format("[mask_rcnn] {} {}; at least {} is allowed", what, value, least));
}

void check_share(std::string_view what, double value) {
  if (!(value >= 0 && value <= 1))
    throw std::invalid_argument(fmt::format("[mask_rcnn] {} {}; 0 to 1 is allowed", what, value));
}

void check_positive(std::string_view what, double value) {
  if (!(value > 0))
    throw std::invalid_argument(fmt::format("[mask_rcnn] {} {}; above 0 is allowed", what, value));
}

void check_sampling(std::string_view stage, const SamplingOptions& options) {
  const auto name = [&](std::string_view what) { return fmt::format("{} {}", stage, what); };
  check_share(name("foreground_iou"), options.foreground_iou);
  check_share(name("background_iou"), options.background_iou);
  check_share(name("positive_share"), options.positive_share);
  check_share(name("ignore_cover"), options.ignore_cover);
  check_at_least(name("sampled per image"), options.per_image, 1);
  if (options.background_iou > options.foreground_iou)
    throw std::invalid_argument(
        fmt::format("[mask_rcnn] {} background_iou {} above foreground_iou {}; at most it is "
                    "allowed",
                    stage, options.background_iou, options.foreground_iou));
  if (options.negatives == NegativeCount::kTiedToPositives)
    check_positive(name("positive_share"), options.positive_share);
}

void check_image(const MaskRcnnOptions& options) {
  if (options.backbone_options.in_channels != 1 && options.backbone_options.in_channels != 3)
    throw std::invalid_argument(fmt::format("[mask_rcnn] {} input channels; 1 and 3 are allowed",
                                            options.backbone_options.in_channels));
  const auto channels = static_cast<std::size_t>(options.backbone_options.in_channels);
  for (const auto* values : {&options.image.mean, &options.image.deviation})
    if (!values->empty() && values->size() != channels)
      throw std::invalid_argument(
          fmt::format("[mask_rcnn] {} values of image mean or deviation for {} channels; one for "
                      "each is allowed",
                      values->size(), channels));
  for (const double deviation : options.image.deviation)
    check_positive("image deviation", deviation);
  if (options.image.min_sizes.empty())
    throw std::invalid_argument("[mask_rcnn] no min_size; at least one is allowed");
  for (const std::int64_t size : options.image.min_sizes) check_at_least("min_size", size, 1);
  check_at_least("max_size", options.image.max_size, 1);
  check_at_least("size multiple", options.image.multiple, 1);
}

void check_tasks(const MaskRcnnOptions& options) {
  if (options.tasks.empty())
    throw std::invalid_argument("[mask_rcnn] no task; at least one is allowed");
  std::set<std::string_view> seen;
  for (const auto& task : options.tasks) {
    if (!seen.insert(task.name).second)
      throw std::invalid_argument(
          fmt::format("[mask_rcnn] task '{}' twice; each once is allowed", task.name));
    check_at_least("classes of task '" + task.name + "':", task.classes, 1);
  }
  if (options.share != FeatureShare::kNone && options.tasks.size() != 2)
    throw std::invalid_argument(fmt::format(
        "[mask_rcnn] features shared by {} tasks; 2 are allowed", options.tasks.size()));
}

void check_anchor_sizes(const AnchorOptions& anchors) {
  if (anchors.sizes.size() != kAnchoredLevels)
    throw std::invalid_argument(fmt::format(
        "[anchors] {} sizes for {} levels of the pyramid; one for each level is allowed",
        anchors.sizes.size(), kAnchoredLevels));
}

void check_attention(const MaskRcnnOptions& options) {
  for (const auto* places : {&options.backbone_options.attention, &options.attention})
    for (const auto& [place, attention] : *places) check_stands_alone(attention.name, 2);
  for (const auto& [place, attention] : options.backbone_options.attention)
    if (std::find(kBodyPlaces.begin(), kBodyPlaces.end(), place) == kBodyPlaces.end())
      throw std::invalid_argument(fmt::format("[mask_rcnn] attention at '{}'; {}, {} are allowed",
                                              place, fmt::join(kBodyPlaces, ", "),
                                              fmt::join(kAttentionPlaces, ", ")));
  for (const auto& [place, attention] : options.attention)
    if (std::find(kAttentionPlaces.begin(), kAttentionPlaces.end(), place) ==
        kAttentionPlaces.end())
      throw std::invalid_argument(fmt::format("[mask_rcnn] attention at '{}'; {}, {} are allowed",
                                              place, fmt::join(kBodyPlaces, ", "),
                                              fmt::join(kAttentionPlaces, ", ")));
}

void check_heads(const MaskRcnnOptions& options) {
  check_sampling("anchors:", options.rpn.sampling);
  check_sampling("regions:", options.roi.sampling);
  check_positive("smooth L1 beta of anchors", options.rpn.box_loss.beta);
  check_positive("smooth L1 beta of regions", options.roi.box_loss.beta);
  check_share("anchors' nms_iou", options.rpn.nms_iou);
  check_share("detections' nms_iou", options.detection.nms_iou);
  check_share("detections' min_score", options.detection.min_score);
  check_share("mask_threshold", options.detection.mask_threshold);
  for (const std::int64_t count :
       {options.rpn.before_nms_training, options.rpn.before_nms_prediction,
        options.rpn.after_nms_training, options.rpn.after_nms_prediction})
    check_at_least("proposals", count, 1);
  check_at_least("detections", options.detection.limit, 1);
  check_at_least("box_size", options.roi.box_size, 1);
  check_at_least("mask_size", options.roi.mask_size, 1);
  check_at_least("sampling_ratio", options.roi.sampling_ratio, 0);
  check_at_least("representation", options.roi.representation, 1);
  check_at_least("pyramid channels", options.pyramid_channels, 1);
}

}  // namespace

MaskRcnnOptions matterport_profile(MaskRcnnOptions options) {
  const std::array<double, 3> mean_pixel{123.7, 116.8, 103.9};
  const auto channels = static_cast<std::size_t>(options.backbone_options.in_channels);
  options.image.mean.clear();
  for (const double mean : mean_pixel) options.image.mean.push_back(mean / 255);
  if (channels == 1) options.image.mean = {(mean_pixel[0] + mean_pixel[1] + mean_pixel[2]) / 765};
  options.image.deviation.assign(channels, 1.0 / 255);
  options.image.resize = RcnnResize::kEnlargeOnly;
  options.image.min_sizes = {800};
  options.image.max_size = 1024;
  options.image.multiple = 64;

  options.rpn.anchors.corners = AnchorCorners::kExact;
  options.rpn.channels = 512;
  options.rpn.score = ObjectnessScore::kSoftmax;
  options.rpn.box_weights = {10, 10, 5, 5};
  options.rpn.box_loss = {.beta = 1, .mean = BoxLossMean::kOverPositives};
  options.rpn.limit = ProposalLimit::kPerImage;
  options.rpn.before_nms_training = options.rpn.before_nms_prediction = 6000;
  options.rpn.sampling.ignore_cover = 0.001;

  options.roi.sampling.per_image = 200;
  options.roi.sampling.positive_share = 0.33;
  options.roi.sampling.negatives = NegativeCount::kTiedToPositives;
  options.roi.sampling.ignore_cover = 0.001;
  options.roi.ground_truth = GroundTruthProposals::kLeftOut;
  options.roi.box_loss = {.beta = 1, .mean = BoxLossMean::kOverPositives};
  options.roi.level_rule = LevelRule::kRound;
  options.roi.pooling = RegionPooling::kCropAndResize;
  options.roi.mask_target = MaskTarget::kRounded;

  options.detection.min_score = 0.7;
  options.detection.nms_iou = 0.3;
  options.detection.classes = ClassChoice::kMostProbable;
  options.mean_square_decay = 1e-4;
  return options;
}

void check_options(const MaskRcnnOptions& options) {
  check_backbone(options.backbone, options.backbone_options);
  check_image(options);
  check_tasks(options);
  check_attention(options);
  check_anchor_sizes(options.rpn.anchors);
  check_heads(options);
  if (!(options.mean_square_decay >= 0))
    throw std::invalid_argument(fmt::format(
        "[mask_rcnn] mean_square_decay {}; 0 and above is allowed", options.mean_square_decay));
}

}  // namespace medsweep::models
