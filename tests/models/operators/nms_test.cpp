#include "models/operators/nms.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/models/operators/golden_operators.h"

namespace medsweep::models {
namespace {

struct NmsCase {
  torch::Tensor boxes, scores, groups;
};

// nms_boxes() of tests/golden/operators.py.
NmsCase case_of(std::int64_t count, double size, std::int64_t levels) {
  using torch::indexing::None;
  using torch::indexing::Slice;
  torch::Tensor boxes = golden::boxes_in(golden::kBoxes + 100, count, 200, 150, size);
  boxes.index_put_({Slice(0, None, 3)}, boxes.index({Slice(0, None, 3)}).floor());
  const std::int64_t copies = boxes.index({Slice(5, None, 11)}).size(0);
  boxes.index_put_({Slice(5, None, 11)},
                   boxes.index({Slice(0, None, 11)}).slice(0, 0, copies).clone());
  boxes.index_put_({Slice(7, None, 13), 2}, boxes.index({Slice(7, None, 13), 0}).clone());
  const torch::Tensor turned = boxes.index({Slice(9, None, 17)});
  boxes.index_put_({Slice(9, None, 17)},
                   turned.index_select(1, torch::tensor({2, 3, 0, 1}, torch::kLong)));
  const auto kinds = static_cast<std::uint32_t>(levels);
  const torch::Tensor scores = golden::integers(golden::kScores, {count}, kinds).to(torch::kFloat);
  return {boxes, scores / levels, golden::integers(golden::kGroups, {count}, 5)};
}

std::int64_t weighted_sum(const torch::Tensor& indices) {
  return (indices * (torch::arange(indices.size(0), torch::kLong) + 1)).sum().item<std::int64_t>();
}

torch::Tensor indices(std::vector<std::int64_t> values) {
  return torch::tensor(values, torch::kLong);
}

TEST(Nms, KeepsExactlyWhatTorchvisionKeeps) {
  const auto numbers = golden::operator_numbers();
  ASSERT_EQ(numbers["nms"].size(), 30U);
  for (const auto& expected : numbers["nms"]) {
    const NmsCase input = case_of(expected["count"], expected["size"], expected["levels"]);
    const double threshold = expected["threshold"];
    const torch::Tensor kept = nms(input.boxes, input.scores, threshold);
    ASSERT_EQ(kept.size(0), expected["kept_count"].get<std::int64_t>()) << threshold;
    EXPECT_EQ(weighted_sum(kept), expected["kept_sum"].get<std::int64_t>());
    if (!expected["kept"].is_null()) {
      EXPECT_TRUE(torch::equal(kept, indices(expected["kept"].get<std::vector<std::int64_t>>())));
    }
    const torch::Tensor grouped = batched_nms(input.boxes, input.scores, input.groups, threshold);
    ASSERT_EQ(grouped.size(0), expected["in_groups_count"].get<std::int64_t>()) << threshold;
    EXPECT_EQ(weighted_sum(grouped), expected["in_groups_sum"].get<std::int64_t>());
  }
}

// The definition, pair by pair.
std::vector<std::int64_t> naive(const NmsCase& input, double threshold) {
  const auto order = std::get<1>(input.scores.sort(true, 0, true));
  const auto boxes = input.boxes.accessor<float, 2>();
  const auto area = [&](std::int64_t i) {
    return (boxes[i][2] - boxes[i][0]) * (boxes[i][3] - boxes[i][1]);
  };
  std::vector<std::int64_t> kept;
  for (std::int64_t at = 0; at < order.size(0); ++at) {
    const auto j = order[at].item<std::int64_t>();
    bool stays = true;
    for (const std::int64_t i : kept) {
      const float width = std::min(boxes[i][2], boxes[j][2]) - std::max(boxes[i][0], boxes[j][0]);
      const float height = std::min(boxes[i][3], boxes[j][3]) - std::max(boxes[i][1], boxes[j][1]);
      const float inner = std::max(width, 0.0F) * std::max(height, 0.0F);
      stays = stays && !(inner / (area(i) + area(j) - inner) > threshold);
    }
    if (stays) kept.push_back(j);
  }
  return kept;
}

TEST(Nms, IsItsDefinitionForRatiosThatMeetTheThreshold) {
  // Boxes on a grid of whole pixels: many ratios are exactly 1/3, 1/2, 3/5 ...
  const torch::Tensor corners = golden::integers(3, {700, 2}, 12);
  const torch::Tensor sides = golden::integers(4, {700, 2}, 9) + 1;
  const NmsCase input{
      torch::cat({corners, corners + sides}, 1).to(torch::kFloat), golden::uniform(5, {700}), {}};
  for (const double threshold : {1.0 / 3, 0.5, 0.6, 0.7, 0.75, static_cast<double>(0.7F)})
    EXPECT_TRUE(
        torch::equal(nms(input.boxes, input.scores, threshold), indices(naive(input, threshold))))
        << threshold;
}

TEST(Nms, DoesNotDependOnTheNumberOfThreads) {
  const int before = at::get_num_threads();
  const NmsCase input = case_of(5000, 40, 1000);
  at::set_num_threads(1);
  const torch::Tensor kept = nms(input.boxes, input.scores, 0.5);
  for (const int threads : {2, 4}) {
    at::set_num_threads(threads);
    EXPECT_TRUE(torch::equal(nms(input.boxes, input.scores, 0.5), kept)) << threads;
  }
  at::set_num_threads(before);
}

TEST(Nms, OfEqualScoresTheLowerIndexComesFirst) {
  const torch::Tensor box = torch::tensor({0.0, 0.0, 4.0, 4.0}, torch::kFloat);
  const torch::Tensor boxes = torch::stack({box, box + 10, box, box + 10, box + 20});
  const torch::Tensor scores = torch::ones({5});
  EXPECT_TRUE(torch::equal(nms(boxes, scores, 0.5), indices({0, 1, 4})));
  const torch::Tensor groups = indices({1, 1, 0, 1, 0});
  EXPECT_TRUE(torch::equal(batched_nms(boxes, scores, groups, 0.5), indices({0, 1, 2, 4})));
}

TEST(Nms, TouchingBoxesDoNotOverlapAndBoxesWithoutAreaStay) {
  const torch::Tensor boxes = torch::tensor({0.0, 0.0, 4.0, 4.0, 4.0, 0.0, 8.0, 4.0,  //
                                             2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0},
                                            torch::kFloat)
                                  .view({4, 4});
  const torch::Tensor scores = torch::tensor({0.4, 0.3, 0.2, 0.1}, torch::kFloat);
  EXPECT_TRUE(torch::equal(nms(boxes, scores, 0.0), indices({0, 1, 2, 3})));
}

TEST(Nms, ABoxThatIsNotANumberNeitherSuppressesNorIsSuppressed) {
  torch::Tensor boxes = torch::tensor({0.0, 0.0, 4.0, 4.0}, torch::kFloat).repeat({3, 1});
  boxes[0][1] = std::nan("");
  const torch::Tensor scores = torch::tensor({0.9, 0.8, 0.7}, torch::kFloat);
  EXPECT_TRUE(torch::equal(nms(boxes, scores, 0.5), indices({0, 1})));
}

TEST(Nms, TakesBoxesAndScoresThatAreDifferentiated) {
  NmsCase input = case_of(63, 80, 20);
  const torch::Tensor kept = nms(input.boxes, input.scores, 0.5);
  EXPECT_TRUE(
      torch::equal(nms(input.boxes.requires_grad_(), input.scores.requires_grad_(), 0.5), kept));
}

TEST(Nms, RefusesOtherShapesTypesAndThresholds) {
  const torch::Tensor boxes = torch::zeros({3, 4}), scores = torch::zeros({3});
  EXPECT_THROW(nms(torch::zeros({3, 5}), scores, 0.5), std::invalid_argument);
  EXPECT_THROW(nms(boxes.to(torch::kBFloat16), scores, 0.5), std::invalid_argument);
  EXPECT_THROW(nms(boxes, torch::zeros({2}), 0.5), std::invalid_argument);
  EXPECT_THROW(nms(boxes, scores.to(torch::kDouble), 0.5), std::invalid_argument);
  EXPECT_THROW(nms(boxes, scores, -0.1), std::invalid_argument);
  EXPECT_THROW(nms(boxes, scores, std::nan("")), std::invalid_argument);
  EXPECT_THROW(batched_nms(boxes, scores, scores, 0.5), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
