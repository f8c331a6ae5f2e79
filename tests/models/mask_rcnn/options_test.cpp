#include "models/mask_rcnn/options.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace medsweep::models {
namespace {

using Sizes = std::vector<std::int64_t>;

MaskRcnnOptions matterport_with(std::int64_t channels) {
  MaskRcnnOptions options;
  options.backbone_options.in_channels = channels;
  return matterport_profile(options);
}

TEST(MatterportProfileTest, ImagesAreSubtractedItsMeanPixelAndNotDivided) {
  const RcnnImageOptions image = matterport_with(3).image;
  ASSERT_EQ(image.mean.size(), 3U);
  // (value / 255 - mean) / deviation = value - MEAN_PIXEL
  const std::vector<double> pixel{123.7, 116.8, 103.9};
  for (std::size_t i = 0; i < pixel.size(); ++i)
    EXPECT_NEAR((0 - image.mean[i]) / image.deviation.at(i), -pixel[i], 1e-9);
  const RcnnImageOptions gray = matterport_with(1).image;
  ASSERT_EQ(gray.mean.size(), 1U);
  EXPECT_NEAR(gray.mean[0] / gray.deviation.at(0), (123.7 + 116.8 + 103.9) / 3, 1e-9);
}

TEST(MatterportProfileTest, ImagesAreEnlargedTo800AndAtMost1024InMultiplesOf64) {
  const RcnnImageOptions image = matterport_profile().image;
  EXPECT_EQ(image.resize, RcnnResize::kEnlargeOnly);
  EXPECT_EQ(image.min_sizes, Sizes{800});
  EXPECT_EQ(image.max_size, 1024);
  EXPECT_EQ(image.multiple, 64);
}

TEST(MatterportProfileTest, ProposalsHave512ChannelsTwoLogitsAndOneLimitPerImage) {
  const RpnOptions rpn = matterport_profile().rpn;
  EXPECT_EQ(rpn.channels, 512);
  EXPECT_EQ(rpn.score, ObjectnessScore::kSoftmax);
  EXPECT_EQ(rpn.limit, ProposalLimit::kPerImage);
  EXPECT_EQ(rpn.before_nms_training, 6000);
  EXPECT_EQ(rpn.before_nms_prediction, 6000);
  EXPECT_EQ(rpn.after_nms_training, 2000);
  EXPECT_EQ(rpn.after_nms_prediction, 1000);
  EXPECT_EQ(rpn.nms_iou, 0.7);
  EXPECT_EQ(rpn.anchors.corners, AnchorCorners::kExact);
  EXPECT_EQ(rpn.anchors.ratios, (std::vector<double>{0.5, 1, 2}));
  EXPECT_EQ(rpn.sampling.per_image, 256);
}

TEST(MatterportProfileTest, BoxesOfBothStagesAreCodedAlike) {
  const MaskRcnnOptions options = matterport_profile();
  // Deviations of 0.1, 0.1, 0.2, 0.2 are weights of their inverse.
  const std::array<double, 4> weights{10, 10, 5, 5};
  EXPECT_EQ(options.rpn.box_weights, weights);
  EXPECT_EQ(options.roi.box_weights, weights);
}

TEST(MatterportProfileTest, BoxLossesBendAtOneAndAreMeansOverPositives) {
  const MaskRcnnOptions options = matterport_profile();
  for (const BoxLossOptions& loss : {options.rpn.box_loss, options.roi.box_loss}) {
    EXPECT_EQ(loss.beta, 1);
    EXPECT_EQ(loss.mean, BoxLossMean::kOverPositives);
  }
}

TEST(MatterportProfileTest, RegionsAre200AThirdPositiveWithoutTrueBoxes) {
  const RoiOptions roi = matterport_profile().roi;
  EXPECT_EQ(roi.sampling.per_image, 200);
  EXPECT_EQ(roi.sampling.positive_share, 0.33);
  EXPECT_EQ(roi.sampling.negatives, NegativeCount::kTiedToPositives);
  EXPECT_EQ(roi.sampling.foreground_iou, 0.5);
  EXPECT_EQ(roi.ground_truth, GroundTruthProposals::kLeftOut);
  EXPECT_EQ(roi.level_rule, LevelRule::kRound);
  EXPECT_EQ(roi.pooling, RegionPooling::kCropAndResize);
  EXPECT_EQ(roi.mask_target, MaskTarget::kRounded);
}

TEST(MatterportProfileTest, CrowdsCountFromAThousandthOn) {
  const MaskRcnnOptions options = matterport_profile();
  EXPECT_EQ(options.rpn.sampling.ignore_cover, 0.001);
  EXPECT_EQ(options.roi.sampling.ignore_cover, 0.001);
}

TEST(MatterportProfileTest, DetectionsAreTheMostProbableClassFromSevenTenths) {
  const DetectionOptions detection = matterport_profile().detection;
  EXPECT_EQ(detection.min_score, 0.7);
  EXPECT_EQ(detection.nms_iou, 0.3);
  EXPECT_EQ(detection.limit, 100);
  EXPECT_EQ(detection.classes, ClassChoice::kMostProbable);
}

TEST(MatterportProfileTest, HasItsOwnDecayAndLeavesTheRestAsItWas) {
  MaskRcnnOptions options;
  options.backbone = "resnet34";
  options.version = RcnnVersion::kV2;
  options.tasks = {{.name = "lv"}, {.name = "myo", .classes = 2}};
  options.seed = 7;
  const MaskRcnnOptions changed = matterport_profile(options);
  EXPECT_EQ(changed.mean_square_decay, 1e-4);
  EXPECT_EQ(changed.backbone, "resnet34");
  EXPECT_EQ(changed.version, RcnnVersion::kV2);
  EXPECT_EQ(changed.tasks.at(1).name, "myo");
  EXPECT_EQ(changed.seed, 7U);
  EXPECT_NO_THROW(check_options(changed));
}

TEST(RcnnOptionsTest, DefaultsAreTorchvisions) {
  const MaskRcnnOptions options;
  EXPECT_EQ(options.image.min_sizes, Sizes{800});
  EXPECT_EQ(options.image.max_size, 1333);
  EXPECT_EQ(options.image.multiple, 32);
  EXPECT_EQ(options.rpn.score, ObjectnessScore::kSigmoid);
  EXPECT_EQ(options.rpn.limit, ProposalLimit::kPerLevel);
  EXPECT_EQ(options.rpn.before_nms_training, 2000);
  EXPECT_EQ(options.rpn.before_nms_prediction, 1000);
  EXPECT_EQ(options.rpn.box_weights, (std::array<double, 4>{1, 1, 1, 1}));
  EXPECT_EQ(options.rpn.box_loss.beta, 1.0 / 9);
  EXPECT_EQ(options.rpn.box_loss.mean, BoxLossMean::kOverSampled);
  EXPECT_EQ(options.roi.sampling.per_image, 512);
  EXPECT_EQ(options.roi.sampling.positive_share, 0.25);
  EXPECT_EQ(options.roi.sampling.negatives, NegativeCount::kFillUp);
  EXPECT_EQ(options.roi.ground_truth, GroundTruthProposals::kAppended);
  EXPECT_EQ(options.roi.box_weights, (std::array<double, 4>{10, 10, 5, 5}));
  EXPECT_EQ(options.roi.level_rule, LevelRule::kFloor);
  EXPECT_EQ(options.roi.pooling, RegionPooling::kRoiAlign);
  EXPECT_EQ(options.roi.sampling_ratio, 2);
  EXPECT_EQ(options.roi.mask_target, MaskTarget::kSoft);
  EXPECT_EQ(options.detection.min_score, 0.05);
  EXPECT_EQ(options.detection.nms_iou, 0.5);
  EXPECT_EQ(options.detection.classes, ClassChoice::kEvery);
  EXPECT_EQ(options.mean_square_decay, 0);
  EXPECT_NO_THROW(check_options(options));
}

struct Refusal {
  const char* text;
  std::function<void(MaskRcnnOptions&)> change;
};

class EveryRcnnRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(EveryRcnnRefusal, SaysWhatWasGotAndWhatIsAllowed) {
  MaskRcnnOptions options;
  GetParam().change(options);
  try {
    check_options(options);
    FAIL() << "accepted: " << GetParam().text;
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find(GetParam().text), std::string::npos) << error.what();
  }
}

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

INSTANTIATE_TEST_SUITE_P(
    Images, EveryRcnnRefusal,
    testing::Values(
        Refusal{"[mask_rcnn] 2 input channels; 1 and 3 are allowed",
                [](auto& o) { o.backbone_options.in_channels = 2; }},
        Refusal{"[mask_rcnn] 1 values of image mean or deviation for 3 channels; one for each is",
                [](auto& o) { o.image.mean = {0.5}; }},
        Refusal{"[mask_rcnn] 2 values of image mean or deviation",
                [](auto& o) {
                  o.image.deviation = {1, 1};
                }},
        Refusal{"[mask_rcnn] image deviation 0; above 0 is allowed",
                [](auto& o) {
                  o.image.deviation = {1, 0, 1};
                }},
        Refusal{"[mask_rcnn] no min_size; at least one", [](auto& o) { o.image.min_sizes = {}; }},
        Refusal{"[mask_rcnn] min_size 0; at least 1",
                [](auto& o) {
                  o.image.min_sizes = {800, 0};
                }},
        Refusal{"[mask_rcnn] max_size -1; at least 1", [](auto& o) { o.image.max_size = -1; }},
        Refusal{"[mask_rcnn] size multiple 0; at least 1", [](auto& o) { o.image.multiple = 0; }}));

INSTANTIATE_TEST_SUITE_P(
    Tasks, EveryRcnnRefusal,
    testing::Values(
        Refusal{"[mask_rcnn] no task; at least one is allowed", [](auto& o) { o.tasks.clear(); }},
        Refusal{"[mask_rcnn] task 'lv' twice; each once is allowed",
                [](auto& o) {
                  o.tasks = {{.name = "lv"}, {.name = "lv"}};
                }},
        Refusal{"[mask_rcnn] classes of task 'lv': 0; at least 1",
                [](auto& o) { o.tasks = {{.name = "lv", .classes = 0}}; }},
        Refusal{"[mask_rcnn] features shared by 1 tasks; 2 are allowed",
                [](auto& o) { o.share = FeatureShare::kMean; }},
        Refusal{"[mask_rcnn] features shared by 3 tasks; 2 are allowed",
                [](auto& o) {
                  o.share = FeatureShare::kConcat;
                  o.tasks = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
                }},
        Refusal{"[mask_rcnn] attention at 'c6'; c3, c4, c5, mask_head, box_head, fpn are allowed",
                [](auto& o) { o.backbone_options.attention["c6"] = {}; }},
        Refusal{"[mask_rcnn] attention at 'c4'; c3, c4, c5, mask_head, box_head, fpn are allowed",
                [](auto& o) { o.attention["c4"] = {}; }},
        Refusal{"[anchors] 4 sizes for 5 levels of the pyramid; one for each level is allowed",
                [](auto& o) { o.rpn.anchors.sizes.pop_back(); }},
        Refusal{"[anchors] 6 sizes for 5 levels",
                [](auto& o) { o.rpn.anchors.sizes.push_back({1024}); }}));

INSTANTIATE_TEST_SUITE_P(
    Sampling, EveryRcnnRefusal,
    testing::Values(
        Refusal{"[mask_rcnn] anchors: foreground_iou 1.5; 0 to 1 is allowed",
                [](auto& o) { o.rpn.sampling.foreground_iou = 1.5; }},
        Refusal{"[mask_rcnn] regions: background_iou -0.5; 0 to 1 is allowed",
                [](auto& o) { o.roi.sampling.background_iou = -0.5; }},
        Refusal{"[mask_rcnn] regions: positive_share nan; 0 to 1 is allowed",
                [](auto& o) { o.roi.sampling.positive_share = kNoNumber; }},
        Refusal{"[mask_rcnn] anchors: ignore_cover 2; 0 to 1 is allowed",
                [](auto& o) { o.rpn.sampling.ignore_cover = 2; }},
        Refusal{"[mask_rcnn] regions: sampled per image 0; at least 1 is allowed",
                [](auto& o) { o.roi.sampling.per_image = 0; }},
        Refusal{"[mask_rcnn] anchors: background_iou 0.8 above foreground_iou 0.7; at most it is",
                [](auto& o) { o.rpn.sampling.background_iou = 0.8; }},
        Refusal{"[mask_rcnn] regions: positive_share 0; above 0 is allowed", [](auto& o) {
                  o.roi.sampling.negatives = NegativeCount::kTiedToPositives;
                  o.roi.sampling.positive_share = 0;
                }}));

INSTANTIATE_TEST_SUITE_P(
    Heads, EveryRcnnRefusal,
    testing::Values(
        Refusal{"[mask_rcnn] smooth L1 beta of anchors 0; above 0 is allowed",
                [](auto& o) { o.rpn.box_loss.beta = 0; }},
        Refusal{"[mask_rcnn] smooth L1 beta of regions -1; above 0 is allowed",
                [](auto& o) { o.roi.box_loss.beta = -1; }},
        Refusal{"[mask_rcnn] anchors' nms_iou 1.1; 0 to 1", [](auto& o) { o.rpn.nms_iou = 1.1; }},
        Refusal{"[mask_rcnn] detections' nms_iou -1; 0 to 1",
                [](auto& o) { o.detection.nms_iou = -1; }},
        Refusal{"[mask_rcnn] detections' min_score 2; 0 to 1",
                [](auto& o) { o.detection.min_score = 2; }},
        Refusal{"[mask_rcnn] mask_threshold nan; 0 to 1",
                [](auto& o) { o.detection.mask_threshold = kNoNumber; }},
        Refusal{"[mask_rcnn] proposals 0; at least 1",
                [](auto& o) { o.rpn.before_nms_training = 0; }},
        Refusal{"[mask_rcnn] proposals 0; at least 1",
                [](auto& o) { o.rpn.before_nms_prediction = 0; }},
        Refusal{"[mask_rcnn] proposals -5; at least 1",
                [](auto& o) { o.rpn.after_nms_training = -5; }},
        Refusal{"[mask_rcnn] proposals 0; at least 1",
                [](auto& o) { o.rpn.after_nms_prediction = 0; }},
        Refusal{"[mask_rcnn] detections 0; at least 1", [](auto& o) { o.detection.limit = 0; }},
        Refusal{"[mask_rcnn] box_size 0; at least 1", [](auto& o) { o.roi.box_size = 0; }},
        Refusal{"[mask_rcnn] mask_size 0; at least 1", [](auto& o) { o.roi.mask_size = 0; }},
        Refusal{"[mask_rcnn] sampling_ratio -1; at least 0",
                [](auto& o) { o.roi.sampling_ratio = -1; }},
        Refusal{"[mask_rcnn] representation 0; at least 1",
                [](auto& o) { o.roi.representation = 0; }},
        Refusal{"[mask_rcnn] pyramid channels 0; at least 1",
                [](auto& o) { o.pyramid_channels = 0; }},
        Refusal{"[mask_rcnn] mean_square_decay -1; 0 and above is allowed",
                [](auto& o) { o.mean_square_decay = -1; }},
        Refusal{"[mask_rcnn] mean_square_decay nan; 0 and above is allowed",
                [](auto& o) { o.mean_square_decay = kNoNumber; }}));

}  // namespace
}  // namespace medsweep::models
