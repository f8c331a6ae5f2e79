#include "runner/metrics/detection/detection_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "runner/metrics/detection/label_map.h"
#include "tests/runner/metrics/made_up_detections.h"

namespace medsweep::runner {
namespace {

using testing::ElementsAre;

const std::vector<std::string> kLungs{"left", "right"};

DetectionCase two_lungs(const std::string& name) {
  return made_case(name, {rectangle(0, 0, 10, 10), of_class(rectangle(20, 0, 30, 10), 2)},
                   {rectangle(0, 0, 10, 5, 0.9), of_class(rectangle(20, 0, 30, 10, 0.8), 2)},
                   {64, 64}, kLungs);
}

TEST(DetectionSummary, RowsGoByClassThenWithoutOne) {
  DetectionSummary summary({"mask_ap50", "both_lungs_found", "mask_iou"}, {});
  summary.add(4, two_lungs("a"));
  summary.add(2, made_case("b", {}, {}, {64, 64}, kLungs));
  EXPECT_THAT(summary.rows(),
              ElementsAre(SummaryRow{"mask_ap50", "left", summary.rows()[0].value, 2, 0},
                          SummaryRow{"mask_iou", "left", 0.5, 1, 1},
                          SummaryRow{"mask_ap50", "right", summary.rows()[2].value, 2, 0},
                          SummaryRow{"mask_iou", "right", 1, 1, 1},
                          SummaryRow{"both_lungs_found", "", 1, 1, 1}));
  EXPECT_NEAR(summary.rows()[0].value.value(), 1, 1e-12);
  EXPECT_EQ(summary.overall("mask_iou"), 0.75);
  EXPECT_EQ(summary.overall("mask_ap75"), std::nullopt) << "not asked for";
  EXPECT_NEAR(summary.overall("mask_ap50").value(), 1, 1e-12);
}

TEST(DetectionSummary, CasesAreInTheOrderOfTheirPositionsAndKeepWhatIsTheirs) {
  DetectionSummary summary({"mask_ap", "mask_iou", "both_lungs_found"}, {});
  summary.add(4, two_lungs("a"));
  summary.add(2, two_lungs("b"));
  EXPECT_EQ(summary.size(), 2);
  const CaseRows expected{"b",
                          {{"mask_iou", "left", 0.5, ""},
                           {"mask_iou", "right", 1.0, ""},
                           {"both_lungs_found", "", 1.0, ""}}};
  EXPECT_EQ(summary.cases().at(0), expected);
  EXPECT_EQ(summary.cases().at(1).name, "a");
}

TEST(DetectionSummary, ASecondCaseAtOnePositionAndOtherClassesAreRefused) {
  DetectionSummary summary({"mask_iou"}, {});
  summary.add(0, two_lungs("a"));
  EXPECT_THROW(summary.add(0, two_lungs("b")), std::logic_error);
  EXPECT_THROW(summary.add(1, made_case("c", {}, {})), std::invalid_argument);
}

TEST(DetectionSummary, WithoutCasesSaysNothing) {
  const DetectionSummary summary(offered_detection_metrics(DetectionRegions::kMasks), {});
  EXPECT_TRUE(summary.cases().empty());
  EXPECT_EQ(summary.overall("mask_ap"), std::nullopt);
  EXPECT_EQ(summary.overall("heart_box_iou"), std::nullopt);
}

TEST(ImageRecord, SurvivesItsBytes) {
  const ImageRecord first = image_record(checked(two_lungs("a")), {});
  DetectionCase timed = made_case("a name with \n and \"", {}, {});
  timed.seconds = 1.5;
  const ImageRecord second = image_record(checked(timed), {});
  const std::string bytes = bytes_of(7, first) + bytes_of(-1, second);
  std::string_view rest = bytes;
  EXPECT_EQ(take_record(rest), std::pair(std::int64_t{7}, first));
  EXPECT_EQ(take_record(rest), std::pair(std::int64_t{-1}, second));
  EXPECT_TRUE(rest.empty());
  for (std::size_t size = 0; size + 1 < bytes_of(7, first).size(); ++size) {
    std::string_view torn(bytes.data(), size);
    EXPECT_THROW(take_record(torn), std::runtime_error) << size;
  }
}

std::string refusal_of(const DetectionCase& scored) {
  try {
    checked(scored);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(DetectionCase, RefusesWhatDisagrees) {
  DetectionCase scored = two_lungs("p1");
  scored.found.labels = torch::tensor({1, 3}, torch::kInt64);
  EXPECT_EQ(refusal_of(scored), "[metrics] case 'p1', found: a label 3; 1 to 2 are allowed");
  scored = two_lungs("p1");
  scored.truth.labels = torch::tensor({0, 1}, torch::kInt64).to(torch::kUInt8);
  EXPECT_EQ(refusal_of(scored), "[metrics] case 'p1', truth: a label 0; 1 to 2 are allowed");
  scored = two_lungs("p1");
  scored.found.scores[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refusal_of(scored),
            "[metrics] case 'p1', found: scores with nan; finite numbers are allowed");
  scored = two_lungs("p1");
  scored.found.masks = torch::zeros({2, 64, 63}, torch::kUInt8);
  EXPECT_EQ(refusal_of(scored),
            "[metrics] case 'p1', found: masks of Byte [2, 64, 63]; Byte [2, 64, 64] is allowed");
  scored = two_lungs("p1");
  scored.truth.boxes = torch::Tensor();
  EXPECT_EQ(refusal_of(scored),
            "[metrics] case 'p1', truth: no boxes of shape [n, 4]; they are needed");
  scored = two_lungs("p1");
  scored.classes.clear();
  EXPECT_EQ(refusal_of(scored), "[metrics] case 'p1': 0 classes; 1 to 255 are allowed");
}

TEST(DetectionCase, DegenerateBoxesAndEmptyMasksHaveDefinedNumbers) {
  DetectionSummary summary(offered_detection_metrics(DetectionRegions::kMasks), {});
  summary.add(0, made_case("a", {rectangle(3, 3, 3, 3), rectangle(60, 60, 70, 70)},
                           {rectangle(3, 3, 3, 3), rectangle(5, 5, 5, 9)}));
  for (const SummaryRow& row : summary.rows())
    if (row.value) {
      EXPECT_TRUE(std::isfinite(*row.value)) << row.metric;
    }
  EXPECT_EQ(summary.overall("mask_iou"), 0);
  EXPECT_EQ(summary.overall("box_iou"), 0);
}

TEST(LabelMap, TheHigherScoreHasThePixel) {
  const DetectionCase scored = made_case(
      "case", {},
      {rectangle(0, 0, 4, 1, 0.6, {1, 8}), of_class(rectangle(2, 0, 6, 1, 0.9, {1, 8}), 2),
       of_class(rectangle(0, 0, 8, 1, 0.4, {1, 8}), 3)},
      {1, 8}, {"a", "b", "c"});
  const auto row = [](const torch::Tensor& map) {
    return std::vector<int>(map.data_ptr<std::uint8_t>(), map.data_ptr<std::uint8_t>() + 8);
  };
  EXPECT_THAT(row(label_map_of(scored.found, {1, 8})), ElementsAre(1, 1, 2, 2, 2, 2, 0, 0));
  EXPECT_THAT(row(label_map_of(scored.found, {1, 8}, 0.3)), ElementsAre(1, 1, 2, 2, 2, 2, 3, 3));
  EXPECT_THAT(row(label_map_of(scored.found, {1, 8}, 0.95)), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
  models::Detections equal = scored.found;
  equal.scores = torch::ones({3});
  EXPECT_THAT(row(label_map_of(equal, {1, 8})), ElementsAre(1, 1, 1, 1, 2, 2, 3, 3));
  EXPECT_THROW(label_map_of(scored.found, {2, 8}), std::invalid_argument);
}

TEST(LabelMap, BoxesArePaintedWhereTheyCoverThePixelsMiddle) {
  TestThing thing;
  thing.box = {0.6, -3, 3.5, 1};
  const DetectionCase scored = made_case("case", {}, {thing}, {2, 5});
  const torch::Tensor map = label_map_of(scored.found, {2, 5});
  EXPECT_TRUE(map[0].equal(torch::tensor({0, 1, 1, 0, 0}, torch::kInt64).to(torch::kUInt8)));
  EXPECT_EQ(map[1].sum().item<std::int64_t>(), 0);
}

}  // namespace
}  // namespace medsweep::runner
