#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runner/metrics/auc.h"

namespace medsweep::runner {
namespace {

Case scored(const torch::Tensor& probabilities, const torch::Tensor& truth) {
  Case whole;
  whole.name = "21_training";
  whole.truth = truth.to(torch::kUInt8).view({1, 1, -1});
  whole.prediction = torch::zeros_like(whole.truth);
  whole.probabilities = probabilities.to(torch::kFloat32).view({1, 1, 1, -1});
  whole.classes = {"vessel"};
  return whole;
}

TEST(Auc, IsTheShareOfPairsInTheRightOrder) {
  // Of the four pairs, (0.4, 0.35) is ordered wrongly.
  const Case whole = scored(torch::tensor({0.1, 0.4, 0.35, 0.8}), torch::tensor({0, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(auc(whole, 1).value(), 0.75);
}

TEST(Auc, ATieCountsHalf) {
  const Case tied = scored(torch::full({6}, 0.3), torch::tensor({0, 0, 0, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(auc(tied, 1).value(), 0.5);
  const Case partly = scored(torch::tensor({0.2, 0.5, 0.5, 0.9}), torch::tensor({0, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(auc(partly, 1).value(), 3.5 / 4);
}

TEST(Auc, OrderedIsOneAndReversedIsZero) {
  const torch::Tensor scores = torch::arange(10) / 10.0;
  const torch::Tensor truth = torch::arange(10) >= 6;
  EXPECT_EQ(auc(scored(scores, truth), 1), 1.0);
  EXPECT_EQ(auc(scored(-scores, truth), 1), 0.0);
}

TEST(Auc, TriangularDensitiesGiveTheirIntegral) {
  // Positives with density 2x and negatives with density 1 on (0, 1): the integral of 2x * x is
  // 2/3. The sample of quantiles approaches it as 1 / n.
  const std::int64_t count = 20000;
  const torch::Tensor quantiles = (torch::arange(count) + 0.5) / static_cast<double>(count);
  const torch::Tensor scores = torch::cat({quantiles, quantiles.sqrt()});
  const torch::Tensor truth = torch::arange(2 * count) >= count;
  EXPECT_NEAR(auc(scored(scores, truth), 1).value(), 2.0 / 3, 1e-4);
}

TEST(Auc, WhatLiesOutsideTheFieldOfViewCountsNowhere) {
  Case whole = scored(torch::tensor({0.1, 0.9, 0.8, 0.2}), torch::tensor({0, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(auc(whole, 1).value(), 0.5);
  whole.valid = torch::tensor({true, false, true, true}).view({1, 1, -1});
  EXPECT_EQ(auc(whole, 1), 1.0);
}

TEST(Auc, EachClassHasItsOwnProbabilities) {
  Case whole = scored(torch::tensor({0.1, 0.9}), torch::tensor({1, 2}));
  whole.probabilities = torch::tensor({0.9, 0.1, 0.8, 0.2}).view({2, 1, 1, 2});
  whole.classes = {"artery", "vein"};
  EXPECT_EQ(auc(whole, 1), 1.0);
  EXPECT_EQ(auc(whole, 2), 0.0);
}

TEST(Auc, OneKindOfVoxelOrNotANumberIsUndefined) {
  EXPECT_EQ(auc(scored(torch::rand({4}), torch::zeros({4})), 1), std::nullopt);
  EXPECT_EQ(auc(scored(torch::rand({4}), torch::ones({4})), 1), std::nullopt);
  const double none = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(auc(scored(torch::tensor({none, 0.5}), torch::tensor({0, 1})), 1), std::nullopt);
}

}  // namespace
}  // namespace medsweep::runner
