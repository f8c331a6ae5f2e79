#include <gtest/gtest.h>

#include "runner/metrics/counts.h"
#include "runner/metrics/metrics.h"

namespace medsweep::runner {
namespace {

/// A volume of zeros with `label` in the block [d0, d1) x [h0, h1) x [w0, w1).
torch::Tensor block(torch::IntArrayRef shape, const std::array<std::int64_t, 6>& edges,
                    int label = 1) {
  const torch::Tensor volume = torch::zeros(shape, torch::kUInt8);
  volume.slice(0, edges[0], edges[1])
      .slice(1, edges[2], edges[3])
      .slice(2, edges[4], edges[5])
      .fill_(label);
  return volume;
}

Case case_of(const torch::Tensor& prediction, const torch::Tensor& truth,
             std::vector<std::string> classes = {"lv"}) {
  Case whole;
  whole.name = "patient001_ED";
  whole.prediction = prediction;
  whole.truth = truth;
  whole.classes = std::move(classes);
  return whole;
}

TEST(Overlap, TwoSquaresOfTenShiftedByThreeGiveTheirClosedForms) {
  const Case whole =
      case_of(block({1, 20, 20}, {0, 1, 2, 12, 2, 12}), block({1, 20, 20}, {0, 1, 2, 12, 5, 15}));

  const Counts counts = count_classes(whole).at(0);

  EXPECT_EQ(counts, (Counts{70, 30, 30, 270}));
  EXPECT_DOUBLE_EQ(dice(counts).value(), 0.7);
  EXPECT_DOUBLE_EQ(iou(counts).value(), 70.0 / 130);
  EXPECT_DOUBLE_EQ(sensitivity(counts).value(), 0.7);
  EXPECT_DOUBLE_EQ(specificity(counts).value(), 0.9);
  EXPECT_DOUBLE_EQ(precision(counts).value(), 0.7);
  EXPECT_DOUBLE_EQ(accuracy(counts).value(), 0.85);
  EXPECT_DOUBLE_EQ(overlap_error(counts).value(), 60.0 / 130);
  EXPECT_DOUBLE_EQ(volume_difference(counts).value(), 0);
  EXPECT_DOUBLE_EQ(volume_difference(Counts{10, 30, 5, 1}).value(), 25.0 / 15);
  EXPECT_DOUBLE_EQ(volume_difference(Counts{10, 0, 5, 1}).value(), 5.0 / 15);
}

TEST(Overlap, BothEmptyIsOneAndIsSeen) {
  const torch::Tensor empty = torch::zeros({2, 4, 4}, torch::kUInt8);

  const Counts counts = count_classes(case_of(empty, empty)).at(0);

  EXPECT_TRUE(counts.both_empty());
  EXPECT_EQ(dice(counts), 1.0);
  EXPECT_EQ(iou(counts), 1.0);
  EXPECT_EQ(specificity(counts), 1.0);
  EXPECT_EQ(sensitivity(counts), std::nullopt);
  EXPECT_EQ(precision(counts), std::nullopt);
  EXPECT_EQ(accuracy(counts), 1.0);
  EXPECT_EQ(overlap_error(counts), 0.0);
  EXPECT_EQ(volume_difference(counts), std::nullopt);
}

TEST(Overlap, OneEmptyIsZeroAndNotUndefined) {
  const torch::Tensor empty = torch::zeros({1, 4, 4}, torch::kUInt8);
  const torch::Tensor full = torch::ones({1, 4, 4}, torch::kUInt8);

  const Counts missed = count_classes(case_of(empty, full)).at(0);
  const Counts invented = count_classes(case_of(full, empty)).at(0);

  EXPECT_EQ(dice(missed), 0.0);
  EXPECT_EQ(iou(invented), 0.0);
  EXPECT_EQ(sensitivity(missed), 0.0);
  EXPECT_EQ(precision(missed), std::nullopt);
  EXPECT_EQ(specificity(missed), std::nullopt);
  EXPECT_EQ(precision(invented), 0.0);
}

TEST(Overlap, WhatIsNotValidCountsNowhere) {
  Case whole = case_of(block({1, 4, 4}, {0, 1, 0, 4, 0, 2}), block({1, 4, 4}, {0, 1, 0, 4, 1, 3}));
  whole.valid = torch::ones({1, 4, 4}, torch::kBool);
  whole.valid.slice(2, 0, 1).fill_(false);

  EXPECT_EQ(count_classes(whole).at(0), (Counts{4, 0, 4, 4}));
}

TEST(Overlap, EveryClassIsCountedAgainstAllOthers) {
  const torch::Tensor truth = torch::tensor({{{1, 2, 3, 0}}}, torch::kUInt8);
  const torch::Tensor prediction = torch::tensor({{{1, 3, 3, 2}}}, torch::kUInt8);

  const std::vector<Counts> counts =
      count_classes(case_of(prediction, truth, {"rv", "myocardium", "lv"}));

  EXPECT_EQ(counts, (std::vector<Counts>{{1, 0, 0, 3}, {0, 1, 1, 2}, {1, 1, 0, 2}}));
}

TEST(EvaluateCase, GivesTheAskedMetricsThenTheCountsOfEachClass) {
  const torch::Tensor truth = torch::tensor({{{1, 0, 0, 0}}}, torch::kUInt8);

  const std::vector<MetricRow> rows =
      evaluate_case(case_of(truth, truth, {"lv", "rv"}), {"iou", "sensitivity"});

  ASSERT_EQ(rows.size(), 14U);
  EXPECT_EQ(rows[0], (MetricRow{"iou", "lv", 1.0, ""}));
  EXPECT_EQ(rows[2], (MetricRow{"true_positive", "lv", 1.0, ""}));
  EXPECT_EQ(rows[6], (MetricRow{"both_empty", "lv", 0.0, ""}));
  EXPECT_EQ(rows[8], (MetricRow{"sensitivity", "rv", std::nullopt, "its denominator is empty"}));
  EXPECT_EQ(rows[13], (MetricRow{"both_empty", "rv", 1.0, ""}));
}

TEST(EvaluateCase, UnknownMetricSaysWhichOneIsNearest) {
  const torch::Tensor truth = torch::ones({1, 2, 2}, torch::kUInt8);
  try {
    evaluate_case(case_of(truth, truth), {"dise"});
    FAIL() << "an unknown metric was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[metrics] unknown name 'dise'; did you mean 'dice'? known: dice iou sensitivity "
                 "specificity precision accuracy voe rvd hd_mm hd95_mm hd95_pooled_mm assd_mm auc");
  }
}

TEST(EvaluateCase, ShapesThatDisagreeNameTheCase) {
  const torch::Tensor truth = torch::ones({1, 2, 2}, torch::kUInt8);
  try {
    evaluate_case(case_of(torch::ones({1, 2, 3}, torch::kUInt8), truth), {"dice"});
    FAIL() << "another shape was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[metrics] case 'patient001_ED': prediction of shape [1, 2, 3]; [1, 2, 2] is "
                 "allowed");
  }
}

TEST(OfferedMetrics, WithoutSpacingNothingInMillimetresIsOffered) {
  EXPECT_EQ(offered_metrics(Spacing::kUnknown),
            (std::vector<std::string>{"dice", "iou", "sensitivity", "specificity", "precision",
                                      "accuracy", "voe", "rvd", "auc"}));
  EXPECT_EQ(offered_metrics(Spacing::kKnown).size(), metric_rows().size());
}

TEST(DirectionOf, DistancesAreBetterWhenLowAlsoPooled) {
  EXPECT_EQ(direction_of("dice_pooled"), Direction::kHigher);
  EXPECT_EQ(direction_of("hd95_mm"), Direction::kLower);
  EXPECT_THROW(direction_of("loss_pooled"), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::runner
