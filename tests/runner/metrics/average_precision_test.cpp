#include "runner/metrics/detection/average_precision.h"

#include <gtest/gtest.h>

#include "tests/runner/metrics/made_up_detections.h"

namespace medsweep::runner {
namespace {

ClassMatches matches_of(const std::vector<TestThing>& objects, const std::vector<TestThing>& found,
                        const datasets::Extent& image = {64, 64}) {
  const ClassOverlap overlap =
      overlap_of_class(checked(made_case("case", objects, found, image)), 1);
  return match_objects(overlap, overlap.best_known());
}

std::optional<PooledPrecision> pooled(const std::vector<ClassMatches>& images,
                                      AreaRange range = AreaRange::kAll) {
  std::vector<const ClassMatches*> pointers;
  for (const ClassMatches& image : images) pointers.push_back(&image);
  return pooled_precision(pointers, range);
}

TEST(AveragePrecision, IsOneWhereEveryObjectIsFoundAndNothingElse) {
  const auto result = pooled({matches_of({rectangle(2, 2, 20, 20)}, {rectangle(2, 2, 20, 20, 0.3)}),
                              matches_of({rectangle(5, 5, 9, 30)}, {rectangle(5, 5, 9, 30, 0.9)})});
  EXPECT_NEAR(result->mean_precision(), 1, 1e-12);
  EXPECT_EQ(result->mean_recall(), 1);
}

TEST(AveragePrecision, CountsAThresholdThatTheOverlapEquals) {
  // 12 of 20 columns: an IoU of 0.6 passes 0.5, 0.55 and 0.6.
  const auto result =
      pooled({matches_of({rectangle(0, 0, 20, 10)}, {rectangle(0, 0, 12, 10, 0.5)})});
  for (std::size_t t = 0; t < kIouThresholds; ++t)
    EXPECT_NEAR(result->precision[t], t <= 2 ? 1 : 0, 1e-12) << t;
  EXPECT_NEAR(result->mean_recall(), 0.3, 1e-12);
}

TEST(AveragePrecision, IsTheMonotonePrecisionAt101Recalls) {
  // By score: right, wrong, right; two of four objects. Precision 1 up to recall 0.25, then 2/3.
  const auto result = pooled({matches_of(
      {rectangle(0, 0, 8, 8), rectangle(10, 0, 18, 8), rectangle(20, 0, 28, 8),
       rectangle(30, 0, 38, 8)},
      {rectangle(0, 0, 8, 8, 0.9), rectangle(40, 40, 50, 50, 0.8), rectangle(10, 0, 18, 8, 0.7)})});
  EXPECT_NEAR(result->mean_precision(), (26 * 1.0 + 25 * 2.0 / 3) / 101, 1e-12);
  EXPECT_EQ(result->mean_recall(), 0.5);
}

TEST(AveragePrecision, ASecondDetectionOfAnObjectIsWrong) {
  const ClassMatches matches = matches_of(
      {rectangle(0, 0, 10, 10)}, {rectangle(0, 0, 10, 9, 0.6), rectangle(0, 0, 10, 10, 0.5)});
  EXPECT_EQ(matches.detections[0].right[0], 0b111111111);  // 0.9 passes all but 0.95
  EXPECT_EQ(matches.detections[0].wrong[0], 0b1000000000);
  EXPECT_EQ(matches.detections[1].right[0], 0b1000000000);
  EXPECT_EQ(matches.detections[1].wrong[0], 0b111111111);
}

TEST(AveragePrecision, WhatLiesInACrowdIsNeitherRightNorWrong) {
  const ClassMatches matches =
      matches_of({crowd(rectangle(0, 0, 60, 60))},
                 {rectangle(0, 0, 5, 5, 0.9), rectangle(10, 10, 12, 12, 0.8)});
  for (const ScoredDetection& detection : matches.detections) {
    EXPECT_EQ(detection.right[0], 0);
    EXPECT_EQ(detection.wrong[0], 0);
  }
  EXPECT_EQ(matches.objects[0], 0u);
  EXPECT_FALSE(pooled({matches}));
}

TEST(AveragePrecision, AreasAreOfTheirRangeWithBothEnds) {
  const datasets::Extent image{200, 200};
  const auto square = [&](std::int64_t side) { return rectangle(0, 0, side, side, 0.9, image); };
  using Objects = std::array<std::uint32_t, kAreaRanges>;
  EXPECT_EQ(matches_of({square(31)}, {}, image).objects, (Objects{1, 1, 0, 0}));
  EXPECT_EQ(matches_of({square(32)}, {}, image).objects, (Objects{1, 1, 1, 0}));
  EXPECT_EQ(matches_of({square(96)}, {}, image).objects, (Objects{1, 0, 1, 1}));
  EXPECT_EQ(matches_of({square(97)}, {}, image).objects, (Objects{1, 0, 0, 1}));
  const ClassMatches matches = matches_of({square(40)}, {square(20)}, image);
  EXPECT_NE(matches.detections[0].wrong[1], 0) << "a small detection, unmatched";
  EXPECT_EQ(matches.detections[0].wrong[2], 0) << "of another range: ignored";
}

TEST(AveragePrecision, OnlyTheHundredBestOfAnImageCount) {
  std::vector<TestThing> found;
  for (int i = 0; i < 100; ++i) found.push_back(rectangle(40, 40, 50, 50, 0.9));
  found.push_back(rectangle(0, 0, 10, 10, 0.8));
  const auto result = pooled({matches_of({rectangle(0, 0, 10, 10)}, found)});
  EXPECT_EQ(result->mean_recall(), 0);
}

TEST(AveragePrecision, EqualScoresAreOrderedByImage) {
  const ClassMatches right = matches_of({rectangle(0, 0, 8, 8)}, {rectangle(0, 0, 8, 8, 0.5)});
  const ClassMatches wrong = matches_of({}, {rectangle(0, 0, 8, 8, 0.5)});
  EXPECT_NEAR(pooled({right, wrong})->mean_precision(), 1, 1e-12);
  EXPECT_NEAR(pooled({wrong, right})->mean_precision(), 0.5, 1e-12);
}

TEST(AveragePrecision, IsZeroWhereNothingWasFoundAndUndefinedWithoutObjects) {
  EXPECT_EQ(pooled({matches_of({rectangle(0, 0, 8, 8)}, {})})->mean_precision(), 0);
  EXPECT_FALSE(pooled({matches_of({}, {rectangle(0, 0, 8, 8)})}));
  EXPECT_FALSE(pooled({}));
}

TEST(AveragePrecision, BoxesServeWhereMasksAreUnknown) {
  const ClassMatches matches = matches_of({without_mask(rectangle(0, 0, 20, 10))},
                                          {without_mask(rectangle(0, 0, 12, 10, 0.5))});
  EXPECT_EQ(matches.detections[0].right[0], 0b111);
}

}  // namespace
}  // namespace medsweep::runner
