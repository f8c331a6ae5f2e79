#include <gtest/gtest.h>

#include "runner/metrics/summary.h"

namespace medsweep::runner {
namespace {

/// A case of one row of voxels with the classes "lv" and "rv".
CaseRows scored_line(const std::string& name, const std::vector<int>& prediction,
                     const std::vector<int>& truth) {
  const auto labels = [](const std::vector<int>& values) {
    return torch::tensor(values, torch::kInt32).to(torch::kUInt8).view({1, 1, -1});
  };
  Case whole;
  whole.name = name;
  whole.prediction = labels(prediction);
  whole.truth = labels(truth);
  whole.classes = {"lv", "rv"};
  return {name, evaluate_case(whole, {"dice", "sensitivity"})};
}

Summary summary_of_three() {
  Summary summary;
  summary.add(2, scored_line("c", {0, 0, 0, 2}, {0, 0, 0, 0}));
  summary.add(0, scored_line("a", {1, 1, 0, 0}, {1, 0, 0, 0}));
  summary.add(1, scored_line("b", {1, 1, 1, 2}, {1, 1, 1, 2}));
  return summary;
}

TEST(Summary, MeansAreOverTheCasesThatDefineThemAndPooledOnesOverAllVoxels) {
  // lv: Dice 2/3, 1 and 1 (both empty); sensitivity 1, 1, undefined; TP 4, FP 1.
  // rv: Dice 1 (both empty), 1 and 0; sensitivity undefined, 1, undefined; TP 1, FP 1.
  const std::vector<SummaryRow> expected{{"dice", "lv", (2.0 / 3 + 1 + 1) / 3, 3, 0},
                                         {"sensitivity", "lv", 1.0, 2, 1},
                                         {"dice_pooled", "lv", 8.0 / 9, 3, 0},
                                         {"sensitivity_pooled", "lv", 1.0, 3, 0},
                                         {"true_positive", "lv", 4.0, 3, 0},
                                         {"false_positive", "lv", 1.0, 3, 0},
                                         {"false_negative", "lv", 0.0, 3, 0},
                                         {"true_negative", "lv", 7.0, 3, 0},
                                         {"both_empty", "lv", 1.0, 3, 0},
                                         {"dice", "rv", 2.0 / 3, 3, 0},
                                         {"sensitivity", "rv", 1.0, 1, 2},
                                         {"dice_pooled", "rv", 2.0 / 3, 3, 0},
                                         {"sensitivity_pooled", "rv", 1.0, 3, 0},
                                         {"true_positive", "rv", 1.0, 3, 0},
                                         {"false_positive", "rv", 1.0, 3, 0},
                                         {"false_negative", "rv", 0.0, 3, 0},
                                         {"true_negative", "rv", 10.0, 3, 0},
                                         {"both_empty", "rv", 1.0, 3, 0}};

  EXPECT_EQ(summary_of_three().rows(), expected);
}

TEST(Summary, CasesComeInTheOrderOfTheirPositions) {
  const std::vector<CaseRows> cases = summary_of_three().cases();
  ASSERT_EQ(cases.size(), 3U);
  EXPECT_EQ(cases[0].name, "a");
  EXPECT_EQ(cases[2].name, "c");
}

TEST(Summary, OverallIsTheMeanOverTheClassesThatDefineIt) {
  const Summary summary = summary_of_three();
  EXPECT_DOUBLE_EQ(summary.overall("dice").value(), (8.0 / 9 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(summary.overall("dice_pooled").value(), (8.0 / 9 + 2.0 / 3) / 2);
  EXPECT_EQ(summary.overall("hd95_mm"), std::nullopt);
}

TEST(Summary, AMetricThatNoCaseDefinesIsNull) {
  Summary summary;
  summary.add(0, scored_line("a", {1, 0}, {0, 0}));
  const SummaryRow row = summary.rows().at(1);
  EXPECT_EQ(row, (SummaryRow{"sensitivity", "lv", std::nullopt, 0, 1}));
  EXPECT_EQ(summary.overall("sensitivity"), std::nullopt);
}

TEST(Summary, ASecondCaseAtOnePositionIsRefused) {
  Summary summary = summary_of_three();
  EXPECT_THROW(summary.add(1, {"d", {}}), std::logic_error);
}

}  // namespace
}  // namespace medsweep::runner
