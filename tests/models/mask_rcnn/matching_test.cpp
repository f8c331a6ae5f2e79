#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "models/mask_rcnn/matcher.h"
#include "models/mask_rcnn/sampling.h"

namespace medsweep::models {
namespace {

constexpr SamplingOptions kAnchorRule{
    .foreground_iou = 0.7, .background_iou = 0.3, .per_image = 256, .positive_share = 0.5};

std::vector<std::int64_t> numbers_in(const torch::Tensor& tensor) {
  const torch::Tensor values = tensor.contiguous();
  return {values.data_ptr<std::int64_t>(), values.data_ptr<std::int64_t>() + values.numel()};
}

torch::Tensor boxes_of(const std::vector<std::vector<float>>& boxes) {
  torch::Tensor tensor = torch::empty({static_cast<std::int64_t>(boxes.size()), 4});
  for (std::size_t i = 0; i < boxes.size(); ++i)
    tensor[static_cast<std::int64_t>(i)] = torch::tensor(boxes[i]);
  return tensor;
}

TEST(MatcherTest, ThresholdsDivideObjectUndecidedAndBackground) {
  const auto objects = boxes_of({{0, 0, 10, 10}, {20, 0, 30, 10}});
  const auto candidates = boxes_of({{0, 0, 10, 10},      // the first itself
                                    {0, 0, 10, 7},       // IoU 0.7
                                    {0, 0, 10, 5},       // 0.5
                                    {20, 0, 30, 8},      // 0.8 of the second
                                    {50, 50, 60, 60},    // nothing
                                    {0, 0, 10, 2.9F}});  // 0.29
  EXPECT_EQ(numbers_in(match(objects, candidates, kAnchorRule, BestForObject::kLeftOut)),
            (std::vector<std::int64_t>{0, 0, kUndecided, 1, kBackground, kBackground}));
}

TEST(MatcherTest, EveryObjectGetsItsBestCandidatesTiesIncluded) {
  const auto objects = boxes_of({{0, 0, 10, 10}, {100, 100, 110, 110}});
  const auto candidates = boxes_of({{0, 0, 10, 2}, {0, 8, 10, 10}, {0, 0, 10, 1}});
  const auto matches = match(objects, candidates, kAnchorRule, BestForObject::kMatched);
  EXPECT_EQ(numbers_in(matches), (std::vector<std::int64_t>{0, 0, kBackground}));
}

TEST(MatcherTest, WithoutObjectsOrCandidatesAllIsBackground) {
  const auto none = torch::zeros({0, 4});
  const auto some = boxes_of({{0, 0, 1, 1}, {0, 0, 2, 2}});
  EXPECT_EQ(numbers_in(match(none, some, kAnchorRule, BestForObject::kMatched)),
            (std::vector<std::int64_t>{kBackground, kBackground}));
  EXPECT_EQ(match(some, none, kAnchorRule, BestForObject::kMatched).size(0), 0);
}

TEST(MatcherTest, PiecesGiveWhatTheWholeTableGives) {
  torch::manual_seed(1);
  const torch::Tensor low = torch::rand({3000, 2}) * 200;
  const torch::Tensor candidates = torch::cat({low, low + 5 + torch::rand({3000, 2}) * 50}, 1);
  const torch::Tensor few = candidates.slice(0, 0, 7) + 1.5;
  // Copies of the same objects make the table too large for one piece and change no IoU.
  const torch::Tensor many = few.repeat({1000, 1});
  const torch::Tensor small = match(few, candidates, kAnchorRule, BestForObject::kMatched);
  EXPECT_TRUE(torch::equal(small, match(many, candidates, kAnchorRule, BestForObject::kMatched)));
  EXPECT_GT((small >= 0).sum().item<std::int64_t>(), 6);
}

TEST(MatcherTest, CrowdsCoverCandidatesByTheirOwnArea) {
  const auto crowds = boxes_of({{0, 0, 100, 100}});
  const auto candidates =
      boxes_of({{0, 0, 10, 10}, {95, 0, 105, 10}, {96, 0, 106, 10}, {200, 0, 210, 10}});
  const auto covered = is_covered(candidates, crowds, 0.5);
  EXPECT_EQ(numbers_in(covered.to(torch::kLong)), (std::vector<std::int64_t>{1, 1, 0, 0}));
  EXPECT_FALSE(is_covered(candidates, torch::zeros({0, 4}), 0.5).any().item<bool>());
  EXPECT_EQ(numbers_in(is_covered(candidates, crowds, 0).to(torch::kLong)),
            (std::vector<std::int64_t>{1, 1, 1, 0}));
}

SamplingOptions rule(std::int64_t per_image, double share,
                     NegativeCount negatives = NegativeCount::kFillUp) {
  return {.foreground_iou = 0.5,
          .background_iou = 0.5,
          .per_image = per_image,
          .positive_share = share,
          .negatives = negatives};
}

// p positives, q negatives and some that are not to be used, mixed.
torch::Tensor labels_of(std::int64_t positives, std::int64_t negatives) {
  const torch::Tensor labels =
      torch::cat({torch::full({positives}, 3, torch::kLong),
                  torch::zeros({negatives}, torch::kLong), torch::full({20}, -1, torch::kLong)});
  torch::manual_seed(3);
  return labels.index_select(0, torch::randperm(labels.size(0)));
}

std::pair<std::int64_t, std::int64_t> counts(std::int64_t positives, std::int64_t negatives,
                                             const SamplingOptions& options) {
  RandomStream stream({1, 2});
  const torch::Tensor labels = labels_of(positives, negatives);
  const Sampled sampled = sample_balanced(labels, options, choose_at_random, stream);
  EXPECT_TRUE((labels.index_select(0, sampled.positive) > 0).all().item<bool>());
  EXPECT_TRUE((labels.index_select(0, sampled.negative) == 0).all().item<bool>());
  return {sampled.positive.size(0), sampled.negative.size(0)};
}

using Counts = std::pair<std::int64_t, std::int64_t>;

TEST(SamplingTest, PositivesUpToTheirShareNegativesFillUp) {
  EXPECT_EQ(counts(300, 1000, rule(512, 0.25)), Counts(128, 384));
  EXPECT_EQ(counts(10, 1000, rule(512, 0.25)), Counts(10, 502));
  EXPECT_EQ(counts(10, 100, rule(512, 0.25)), Counts(10, 100));
  EXPECT_EQ(counts(0, 100, rule(64, 0.5)), Counts(0, 64));
  EXPECT_EQ(counts(0, 0, rule(64, 0.5)), Counts(0, 0));
}

TEST(SamplingTest, NegativesTiedToPositivesKeepTheShare) {
  EXPECT_EQ(counts(100, 1000, rule(200, 0.33, NegativeCount::kTiedToPositives)), Counts(66, 134));
  EXPECT_EQ(counts(10, 1000, rule(200, 0.33, NegativeCount::kTiedToPositives)), Counts(10, 20));
  EXPECT_EQ(counts(0, 1000, rule(200, 0.33, NegativeCount::kTiedToPositives)), Counts(0, 0));
}

TEST(SamplingTest, EveryCandidateIsAsLikely) {
  const torch::Tensor candidates = torch::arange(20) * 2;
  std::map<std::int64_t, int> seen;
  constexpr int kRounds = 20000;
  for (int round = 0; round < kRounds; ++round) {
    RandomStream stream({7, static_cast<std::uint64_t>(round)});
    const auto chosen = numbers_in(choose_at_random(candidates, 5, stream));
    EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
    for (const auto candidate : chosen) ++seen[candidate];
  }
  ASSERT_EQ(seen.size(), 20U);
  double chi_square = 0;
  for (const auto& [candidate, times] : seen)
    chi_square += std::pow(times - kRounds / 4.0, 2) / (kRounds / 4.0);
  EXPECT_LT(chi_square, 36.2);  // 19 degrees of freedom, 1 %
}

TEST(SamplingTest, TheStreamDecides) {
  const torch::Tensor labels = labels_of(300, 1000);
  const auto draw = [&](std::uint64_t key) {
    RandomStream stream({key});
    return sample_balanced(labels, rule(100, 0.5), choose_at_random, stream).all();
  };
  EXPECT_TRUE(torch::equal(draw(5), draw(5)));
  EXPECT_FALSE(torch::equal(draw(5), draw(6)));
}

}  // namespace
}  // namespace medsweep::models
