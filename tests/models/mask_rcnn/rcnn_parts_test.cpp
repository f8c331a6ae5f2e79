#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <set>
#include <stdexcept>

#include "models/mask_rcnn/detections.h"
#include "models/mask_rcnn/image_transform.h"
#include "models/mask_rcnn/losses.h"
#include "models/mask_rcnn/roi_pooling.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::models {
namespace {

std::vector<std::int64_t> whole(const torch::Tensor& tensor) {
  return {tensor.data_ptr<std::int64_t>(), tensor.data_ptr<std::int64_t>() + tensor.numel()};
}

TEST(RegionPoolingTest, LevelsOfBothRulesArePublished) {
  torch::Tensor boxes = torch::zeros({7, 4});
  const std::vector<float> sides{111, 112, 158, 224, 317, 448, 900};
  for (std::int64_t i = 0; i < 7; ++i)
    boxes[i] = torch::tensor(
        {0.F, 0.F, sides[static_cast<std::size_t>(i)], sides[static_cast<std::size_t>(i)]});
  EXPECT_EQ(whole(region_levels(boxes, LevelRule::kFloor) + 2),
            (std::vector<std::int64_t>{2, 3, 3, 4, 4, 5, 5}));
  EXPECT_EQ(whole(region_levels(boxes, LevelRule::kRound) + 2),
            (std::vector<std::int64_t>{3, 3, 3, 4, 5, 5, 5}));
}

TEST(RegionPoolingTest, RegionsComeInTheOrderOfTheirLevels) {
  const auto box = [](float side) { return torch::tensor({{0.F, 0.F, side, side}}); };
  const auto [regions, order] =
      by_level({torch::cat({box(300), box(20)}), box(120), torch::cat({box(30), box(500)})},
               LevelRule::kFloor);
  EXPECT_EQ(whole(order), (std::vector<std::int64_t>{1, 3, 2, 0, 4}));
  EXPECT_EQ(whole(regions.images), (std::vector<std::int64_t>{0, 2, 1, 0, 2}));
  EXPECT_EQ(regions.per_level, (std::vector<std::int64_t>{2, 1, 1, 1}));
  const Regions some = select_regions(regions, torch::tensor({0, 2, 4}, torch::kLong));
  EXPECT_EQ(some.per_level, (std::vector<std::int64_t>{1, 1, 0, 1}));
}

// Maps whose value is a plane of the position in the image: every bilinear sample inside is exact.
std::vector<torch::Tensor> planes(double x_slope, double y_slope) {
  std::vector<torch::Tensor> maps;
  for (std::int64_t step = 4; step <= 32; step *= 2) {
    const torch::Tensor along = torch::arange(1024 / step) * step;
    maps.push_back((along.view({1, 1, 1, -1}) * x_slope + along.view({1, 1, -1, 1}) * y_slope)
                       .to(torch::kFloat));
  }
  return maps;
}

TEST(RegionPoolingTest, BinsOfRoiAlignAreMeansAboutTheirCentres) {
  const auto [regions, order] =
      by_level({torch::tensor({{100.F, 200.F, 170.F, 340.F}})}, LevelRule::kFloor);
  const torch::Tensor bins = pool_regions(planes(1, 0), regions, {7}, {})[0][0];
  const torch::Tensor expected = 105 + 10 * torch::arange(7, torch::kFloat);
  EXPECT_LE((bins - expected).abs().max().item<double>(), 1e-3);
}

TEST(RegionPoolingTest, CropAndResizeSamplesFromEdgeToEdge) {
  RoiOptions options;
  options.pooling = RegionPooling::kCropAndResize;
  for (const float side : {60.F, 180.F, 400.F}) {
    const auto [regions, order] = by_level(
        {torch::tensor({{100.F, 200.F, 100 + side, 200 + 1.5F * side}})}, LevelRule::kRound);
    const torch::Tensor bins = pool_regions(planes(0, 1), regions, {7}, options)[0][0];
    const torch::Tensor expected =
        (200 + 1.5 * side / 6 * torch::arange(7, torch::kFloat)).unsqueeze(1);
    EXPECT_LE((bins - expected).abs().max().item<double>(), 1e-2) << side;
  }
}

RcnnImageTransform transform_of(RcnnResize resize, std::vector<std::int64_t> min_sizes,
                                std::int64_t max_size) {
  MaskRcnnOptions options;
  options.image.resize = resize;
  options.image.min_sizes = std::move(min_sizes);
  options.image.max_size = max_size;
  return RcnnImageTransform(options);
}

TEST(RcnnImageTransformTest, SizesAreTorchvisions) {
  const auto shorter = transform_of(RcnnResize::kShortSide, {800}, 1333);
  EXPECT_EQ(shorter.resized({128, 128}, 800), (datasets::Extent{800, 800}));
  EXPECT_EQ(shorter.resized({584, 565}, 800), (datasets::Extent{826, 800}));
  EXPECT_EQ(shorter.resized({400, 1333}, 800), (datasets::Extent{400, 1333}));
  EXPECT_EQ(shorter.resized({1600, 2000}, 800), (datasets::Extent{800, 1000}));
  const auto enlarged = transform_of(RcnnResize::kEnlargeOnly, {800}, 1024);
  EXPECT_EQ(enlarged.resized({900, 1000}, 800), (datasets::Extent{900, 1000}));
  EXPECT_EQ(enlarged.resized({900, 2048}, 800), (datasets::Extent{450, 1024}));
  const auto none = transform_of(RcnnResize::kNone, {800}, 1333);
  EXPECT_EQ(none.resized({61, 97}, 800), (datasets::Extent{61, 97}));
}

TEST(RcnnImageTransformTest, ImagesAreNormalisedThenPaddedWithZeros) {
  const auto input =
      transform_of(RcnnResize::kNone, {800}, 1333).forward(two_images(), RcnnPhase::kTraining);
  ASSERT_EQ(input.images.sizes(), (std::vector<std::int64_t>{2, 3, 96, 96}));
  EXPECT_NEAR(input.images[0][1][0][0].item<double>(), (0.1 - 0.456) / 0.224, 1e-6);
  EXPECT_EQ(input.images[0].slice(1, 64).abs().sum().item<double>(), 0);
  EXPECT_EQ(input.images[1].slice(2, 64).abs().sum().item<double>(), 0);
}

TEST(RcnnImageTransformTest, TrainingDrawsAmongSizesByTheSamplesKeyAndPredictionTakesTheLast) {
  const auto transform = transform_of(RcnnResize::kShortSide, {32, 64, 128}, 1333);
  datasets::Batch batch = made_batch({{64, 64}}, {{}});
  std::set<std::int64_t> seen;
  for (std::uint64_t key = 0; key < 40; ++key) {
    batch.random_keys = {key};
    const auto sizes = transform.forward(batch, RcnnPhase::kTraining).sizes;
    seen.insert(sizes[0].height);
    EXPECT_EQ(sizes, transform.forward(batch, RcnnPhase::kTraining).sizes);
    EXPECT_EQ(transform.forward(batch, RcnnPhase::kPrediction).sizes[0].height, 128);
  }
  EXPECT_EQ(seen, (std::set<std::int64_t>{32, 64, 128}));
}

TEST(RcnnImageTransformTest, OneChannelHasOneMeanAndBadCountsAreRefused) {
  MaskRcnnOptions options;
  options.backbone_options.in_channels = 1;
  options.image.resize = RcnnResize::kNone;
  const auto input =
      RcnnImageTransform(options).forward(made_batch({{32, 32}}, {{}}, 1), RcnnPhase::kTraining);
  EXPECT_NEAR(input.images[0][0][0][0].item<double>(), (0.1 - 0.449) / 0.226, 1e-6);
  EXPECT_THROW(RcnnImageTransform(options).forward(two_images(), RcnnPhase::kTraining),
               std::invalid_argument);
}

TEST(RcnnLossesTest, SmoothL1IsAParabolaUpToBetaThenALine) {
  const torch::Tensor predicted = torch::tensor({{0.05F, 1.F, 0.F, -2.F}});
  const torch::Tensor wanted = torch::zeros({1, 4});
  const Loss sampled = box_loss(predicted, wanted, 10, {});
  const double beta = 1.0 / 9;
  EXPECT_NEAR(sampled.sum.item<double>(), 0.5 * 0.0025 / beta + (1 - beta / 2) + (2 - beta / 2),
              1e-5);
  EXPECT_EQ(sampled.weight, 10);
  const Loss positives =
      box_loss(predicted, wanted, 10, {.beta = 1, .mean = BoxLossMean::kOverPositives});
  EXPECT_NEAR(positives.sum.item<double>(), 0.5 * 0.0025 + 0.5 + 1.5, 1e-5);
  EXPECT_EQ(positives.weight, 4);
}

TEST(RcnnLossesTest, MeanSquaresCountEachTensorOnce) {
  const Loss loss = mean_square_loss({torch::full({10}, 2.0), torch::full({2, 3}, 3.0)}, 0.1);
  EXPECT_NEAR(loss.sum.item<double>(), 0.1 * (4 + 9), 1e-6);
  EXPECT_EQ(loss.weight, 1);
}

// Three regions of two classes; every class has the same box.
struct Candidates {
  torch::Tensor probabilities =
      torch::tensor({{0.1F, 0.5F, 0.4F}, {0.1F, 0.6F, 0.3F}, {0.9F, 0.06F, 0.04F}});
  torch::Tensor boxes =
      torch::tensor({{0.F, 0.F, 10.F, 10.F}, {1.F, 0.F, 11.F, 10.F}, {50.F, 50.F, 90.F, 70.F}})
          .repeat({1, 3});
};

TEST(DetectionsTest, EveryClassIsACandidateAndOneOfItsKindSuppresses) {
  const Candidates given;
  const auto found = select_detections(given.probabilities, given.boxes, {60, 80}, {});
  EXPECT_EQ(whole(found.labels), (std::vector<std::int64_t>{1, 2, 1}));
  EXPECT_NEAR(found.scores[0].item<double>(), 0.6, 1e-6);
  EXPECT_NEAR(found.scores[1].item<double>(), 0.4, 1e-6);
  EXPECT_NEAR(found.scores[2].item<double>(), 0.06, 1e-6);
  EXPECT_TRUE(torch::equal(found.boxes[2], torch::tensor({50.F, 50.F, 80.F, 60.F})));
}

TEST(DetectionsTest, TheMostProbableClassAloneUnlessBackground) {
  const Candidates given;
  const auto found = select_detections(given.probabilities, given.boxes, {60, 80},
                                       {.min_score = 0.01, .classes = ClassChoice::kMostProbable});
  EXPECT_EQ(whole(found.labels), (std::vector<std::int64_t>{1}));
}

TEST(DetectionsTest, LimitAndNarrowBoxes) {
  Candidates given;
  EXPECT_EQ(
      select_detections(given.probabilities, given.boxes, {60, 80}, {.limit = 2}).scores.size(0),
      2);
  EXPECT_EQ(select_detections(given.probabilities, given.boxes, {60, 50}, {}).scores.size(0), 2)
      << "a box beyond the image is clipped to nothing";
  EXPECT_EQ(
      select_detections(torch::zeros({0, 3}), torch::zeros({0, 12}), {60, 80}, {}).scores.size(0),
      0);
}

}  // namespace
}  // namespace medsweep::models
