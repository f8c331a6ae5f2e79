#include "runner/metrics/detection/detection_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/metrics/detection/detection_summary.h"
#include "runner/metrics/metrics.h"
#include "tests/runner/metrics/made_up_detections.h"

namespace medsweep::runner {
namespace {

using testing::HasSubstr;

/// The row of one metric and class of the only case.
MetricRow row_of_case(const DetectionCase& scored, const std::string& metric,
                      const DetectionOptions& options = {}) {
  DetectionSummary summary({metric}, options);
  summary.add(0, scored);
  return summary.cases().at(0).rows.at(0);
}

TEST(BestMatch, IsTheMeanOverTheObjectsOfTheBestOverlap) {
  const DetectionCase scored = made_case(
      "case", {rectangle(0, 0, 10, 10), rectangle(20, 0, 30, 10), rectangle(40, 0, 50, 10)},
      {rectangle(0, 0, 10, 4, 0.9), rectangle(0, 0, 10, 8, 0.6), rectangle(20, 0, 30, 10, 0.4)});
  EXPECT_DOUBLE_EQ(row_of_case(scored, "mask_iou").value.value(), 0.8 / 3);
  EXPECT_DOUBLE_EQ(row_of_case(scored, "mask_dice").value.value(), 1.6 / 1.8 / 3);
  EXPECT_DOUBLE_EQ(row_of_case(scored, "box_iou").value.value(), 0.8 / 3);
  EXPECT_DOUBLE_EQ(row_of_case(scored, "mask_iou", {.minimum_score = 0.4}).value.value(), 1.8 / 3);
  EXPECT_DOUBLE_EQ(row_of_case(scored, "mask_iou", {.minimum_score = 0.7}).value.value(), 0.4 / 3);
}

TEST(BestMatch, MasksAndBoxesAreMeasuredApart) {
  DetectionCase scored = made_case("case", {rectangle(0, 0, 10, 10)}, {rectangle(0, 0, 10, 10)});
  scored.found.masks.slice(2, 5).fill_(0);
  EXPECT_EQ(row_of_case(scored, "mask_iou").value, 0.5);
  EXPECT_EQ(row_of_case(scored, "box_iou").value, 1);
}

TEST(BestMatch, AClassWithoutObjectsIsZeroWhereSomethingWasFoundAndUndefinedElse) {
  const TestThing found = rectangle(0, 0, 10, 10, 0.6);
  EXPECT_EQ(row_of_case(made_case("case", {}, {found}), "mask_iou").value, 0);
  EXPECT_EQ(row_of_case(made_case("case", {}, {found}), "mask_dice").value, 0);
  const MetricRow none = row_of_case(made_case("case", {}, {}), "mask_iou");
  EXPECT_FALSE(none.value);
  EXPECT_EQ(none.reason, "no object of the class, and none was found");
  EXPECT_FALSE(row_of_case(made_case("case", {}, {rectangle(0, 0, 9, 9, 0.49)}), "box_iou").value);
  const DetectionCase in_crowd = made_case("case", {crowd(rectangle(0, 0, 60, 60))}, {found});
  EXPECT_FALSE(row_of_case(in_crowd, "mask_iou").value) << "what lies in a crowd is no error";
}

TEST(BestMatch, MetricsOfMasksAreUndefinedWhereASideHasNone) {
  DetectionCase scored = made_case("case", {rectangle(0, 0, 8, 8)}, {rectangle(0, 0, 8, 8)});
  scored.found.masks = torch::Tensor();
  EXPECT_EQ(row_of_case(scored, "mask_iou").reason, "a side has no masks");
  EXPECT_EQ(row_of_case(scored, "box_iou").value, 1);
  DetectionSummary summary({"mask_ap", "box_ap"}, {});
  summary.add(0, scored);
  EXPECT_FALSE(summary.overall("mask_ap"));
  EXPECT_NEAR(summary.overall("box_ap").value(), 1, 1e-12);
}

TEST(BothLungsFound, NeedsADetectionOfTheClassForEveryObject) {
  const std::vector<std::string> lungs{"left_lung", "right_lung"};
  const std::vector<TestThing> objects{rectangle(0, 0, 20, 40),
                                       of_class(rectangle(30, 0, 50, 40), 2)};
  const auto found_with = [&](std::vector<TestThing> found, DetectionOptions options = {}) {
    return row_of_case(made_case("case", objects, found, {64, 64}, lungs), "both_lungs_found",
                       options);
  };
  const TestThing left = rectangle(0, 0, 20, 20, 0.9),
                  right = of_class(rectangle(30, 0, 50, 30), 2);
  EXPECT_EQ(found_with({left, right}).value, 1) << "an IoU of 0.5 is enough";
  EXPECT_EQ(found_with({left, right}).class_name, "");
  EXPECT_EQ(found_with({left, right}, {.found_iou = 0.51}).value, 0);
  EXPECT_EQ(found_with({left}).value, 0);
  EXPECT_EQ(found_with({left, of_class(right, 1)}).value, 0) << "of another class";
  EXPECT_EQ(found_with({left, right}, {.minimum_score = 0.95}).value, 0);
  const MetricRow none = row_of_case(made_case("case", {}, {left}), "both_lungs_found");
  EXPECT_FALSE(none.value);
  EXPECT_EQ(none.reason, "the image has no objects");
}

TEST(RsnaScore, IsTheMeanPrecisionOverEightThresholds) {
  // IoU 0.6 passes 0.40 ... 0.55 (greater, not equal), with one error more; else 0.
  const DetectionCase scored =
      made_case("case", {rectangle(0, 0, 20, 10)},
                {rectangle(0, 0, 12, 10, 0.9), rectangle(40, 40, 50, 50, 0.8)});
  EXPECT_DOUBLE_EQ(row_of_case(scored, "rsna_score").value.value(), 4 * 0.5 / 8);
  EXPECT_DOUBLE_EQ(row_of_case(scored, "rsna_score", {.minimum_score = 0.85}).value.value(), 0.5);
}

TEST(RsnaScore, AnEmptyImageCountsOnlyWhereSomethingWasFound) {
  EXPECT_FALSE(row_of_case(made_case("case", {}, {}), "rsna_score").value);
  EXPECT_EQ(row_of_case(made_case("case", {}, {rectangle(0, 0, 9, 9)}), "rsna_score").value, 0);
  EXPECT_EQ(row_of_case(made_case("case", {rectangle(0, 0, 9, 9)}, {}), "rsna_score").value, 0);
}

TEST(HeartBoxes, TakeAPixelOffAndCountImagesWithoutDetectionsAsManyZeros) {
  DetectionSummary summary({"heart_box_iou", "heart_box_map"}, {});
  summary.add(0, made_case("met", {rectangle(0, 0, 11, 11)}, {rectangle(0, 0, 11, 6, 0.9)}));
  const double iou = 50 / (100 + 1e-6);
  EXPECT_NEAR(summary.overall("heart_box_iou").value(), iou, 1e-12);
  EXPECT_NEAR(summary.overall("heart_box_map").value(), 0, 1e-12) << "just below 0.5";
  summary.add(1, made_case("exact", {rectangle(0, 0, 11, 11)}, {rectangle(0, 0, 11, 11, 0.9)}));
  EXPECT_NEAR(summary.overall("heart_box_map").value(), 1 / (1 + 1e-6) / (1 + 1e-6) / 2, 1e-12);
  summary.add(2, made_case("missed", {rectangle(0, 0, 11, 11)}, {rectangle(0, 0, 11, 11, 0.04)}));
  EXPECT_NEAR(summary.overall("heart_box_iou").value(), (iou + 100 / (100 + 1e-6)) / 8, 1e-12);
  EXPECT_NEAR(summary.overall("heart_box_map").value(), 1 / (1 + 1e-6) / (1 + 1e-6) / 2, 1e-12)
      << "left out";
}

TEST(HeartBoxes, ThresholdsGoByTheStep) {
  EXPECT_EQ(heart_thresholds(0.1).size(), 5u);
  EXPECT_EQ(heart_thresholds(0.05).size(), 10u);
  EXPECT_NEAR(heart_thresholds(0.05).back(), 0.95, 1e-12);
  EXPECT_THROW(heart_thresholds(0), std::invalid_argument);
  EXPECT_THROW(DetectionSummary({}, {.heart = {.step = 0.7}}), std::invalid_argument);
}

TEST(SecondsPerImage, HaveAMeanAMedianAndAPercentile) {
  DetectionSummary summary(
      {"seconds_per_image", "seconds_per_image_median", "seconds_per_image_p95"}, {});
  for (std::int64_t i = 0; i < 5; ++i) {
    DetectionCase scored = made_case(std::to_string(i), {}, {});
    if (i < 4) scored.seconds = std::array{4.0, 1.0, 2.0, 3.0}[static_cast<std::size_t>(i)];
    summary.add(i, scored);
  }
  EXPECT_EQ(summary.overall("seconds_per_image"), 2.5);
  EXPECT_EQ(summary.overall("seconds_per_image_median"), 2.5);
  EXPECT_DOUBLE_EQ(summary.overall("seconds_per_image_p95").value(), 3.85);
  EXPECT_EQ(summary.rows().at(0), (SummaryRow{"seconds_per_image", "", 2.5, 4, 1}));
  EXPECT_EQ(summary.cases().at(4).rows.at(0).reason, "no time was taken");
}

TEST(DetectionMetrics, AnUnknownOneNamesTheNearest) {
  try {
    DetectionSummary({"mask_app"}, {});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'mask_ap'?"));
  }
}

TEST(DetectionMetrics, EveryRowHasANumberOfItsScopeInItsRange) {
  for (const std::string& metric : offered_detection_metrics(DetectionRegions::kMasks)) {
    DetectionSummary summary({metric}, {});
    DetectionCase scored = made_case(
        "case",
        {rectangle(0, 0, 30, 30, 1, {200, 200}), rectangle(0, 40, 50, 90, 1, {200, 200}),
         rectangle(80, 80, 190, 190, 1, {200, 200})},
        {rectangle(0, 0, 30, 29, 0.9, {200, 200}), rectangle(0, 40, 50, 88, 0.8, {200, 200}),
         rectangle(80, 80, 190, 188, 0.7, {200, 200})},
        {200, 200});
    scored.seconds = 0.25;
    summary.add(0, scored);
    const bool of_cases = detection_scope_of(metric) == DetectionScope::kCases;
    EXPECT_EQ(summary.cases().at(0).rows.size(), of_cases ? 1u : 0u) << metric;
    ASSERT_EQ(summary.rows().size(), 1u) << metric;
    EXPECT_EQ(summary.rows()[0].metric, metric);
    const double value = summary.rows()[0].value.value();
    EXPECT_TRUE(value > 0 && value <= 1) << metric << " is " << value;
    EXPECT_EQ(detection_direction_of(metric) == Direction::kLower, metric.starts_with("seconds"))
        << metric;
  }
}

TEST(DetectionMetrics, NoNameOrLabelIsOfALabelMapsMetric) {
  for (const Row& detection : detection_metric_rows())
    for (const Row& other : metric_rows()) {
      EXPECT_NE(detection.name, other.name);
      EXPECT_NE(detection.short_label, other.short_label);
    }
}

}  // namespace
}  // namespace medsweep::runner
