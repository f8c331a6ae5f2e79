#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/mask_rcnn/policies.h"

namespace medsweep::models {

/// From pixels to the network's input and back. Defaults of all structs are torchvision's.
struct RcnnImageOptions {
  std::vector<double>
      mean;  ///< per channel, of values in 0...1; empty: 0.485 0.456 0.406, or 0.449
  std::vector<double> deviation;  ///< empty: 0.229 0.224 0.225, or 0.226 for one channel
  RcnnResize resize = RcnnResize::kShortSide;
  std::vector<std::int64_t> min_sizes{800};  ///< training draws one per image, prediction: the last
  std::int64_t max_size = 1333;
  std::int64_t multiple = 32;  ///< height and width of a batch are padded to it
};

struct AnchorOptions {
  std::vector<std::vector<double>> sizes{{32}, {64}, {128}, {256}, {512}};  ///< per level, pixels
  std::vector<double> ratios{0.5, 1, 2};                                    ///< height / width
  AnchorCorners corners = AnchorCorners::kRounded;
};

/// What is sampled for the losses out of candidates that are matched to objects by IoU.
struct SamplingOptions {
  double foreground_iou;      ///< positive from here on
  double background_iou;      ///< negative below
  std::int64_t per_image;     ///< at most
  double positive_share;      ///< of per_image, at most
  double ignore_cover = 0.5;  ///< negatives of which a crowd covers this share do not count
  NegativeCount negatives = NegativeCount::kFillUp;
};

struct BoxLossOptions {
  double beta = 1.0 / 9;  ///< smooth L1: where the parabola ends
  BoxLossMean mean = BoxLossMean::kOverSampled;
};

/// Region proposals (Ren et al.: Faster R-CNN, NeurIPS 2015).
struct RpnOptions {
  AnchorOptions anchors;
  std::int64_t channels = 0;  ///< of its convolution; 0: the pyramid's
  ObjectnessScore score = ObjectnessScore::kSigmoid;
  SamplingOptions sampling{
      .foreground_iou = 0.7, .background_iou = 0.3, .per_image = 256, .positive_share = 0.5};
  std::array<double, 4> box_weights{1, 1, 1, 1};  ///< of dx, dy, dw, dh
  BoxLossOptions box_loss;
  ProposalLimit limit = ProposalLimit::kPerLevel;
  std::int64_t before_nms_training = 2000, before_nms_prediction = 1000;
  std::int64_t after_nms_training = 2000, after_nms_prediction = 1000;  ///< per image
  double nms_iou = 0.7;
  double min_side = 1e-3;  ///< narrower proposals are dropped
  double min_score = 0;    ///< likewise less probable ones
};

/// Box and mask heads (He et al.: Mask R-CNN, ICCV 2017) while training.
struct RoiOptions {
  SamplingOptions sampling{
      .foreground_iou = 0.5, .background_iou = 0.5, .per_image = 512, .positive_share = 0.25};
  GroundTruthProposals ground_truth = GroundTruthProposals::kAppended;
  std::array<double, 4> box_weights{10, 10, 5, 5};
  BoxLossOptions box_loss;
  LevelRule level_rule = LevelRule::kFloor;
  RegionPooling pooling = RegionPooling::kRoiAlign;
  std::int64_t box_size = 7, mask_size = 14;  ///< bins of the pooled regions; masks are twice that
  std::int64_t sampling_ratio = 2;            ///< samples per bin and axis; 0: adaptive
  std::int64_t representation = 1024;         ///< width of the box head's linear layers
  MaskTarget mask_target = MaskTarget::kSoft;
};

struct DetectionOptions {
  double min_score = 0.05;   ///< above it
  double nms_iou = 0.5;      ///< within a class
  std::int64_t limit = 100;  ///< per image
  double min_side = 1e-2;
  ClassChoice classes = ClassChoice::kEvery;
  double mask_threshold = 0.5;  ///< a pixel belongs to the mask from this probability on
};

}  // namespace medsweep::models
