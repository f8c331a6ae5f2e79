#include "runner/ensemble/combine_labels.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "runner/ensemble/regions.h"

namespace medsweep::runner {
namespace {

/// A picture of digits, a row a string; anything else is 0.
torch::Tensor picture(const std::vector<std::string>& rows) {
  torch::Tensor map = torch::zeros(
      {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size())},
      torch::kUInt8);
  auto* pixel = map.data_ptr<std::uint8_t>();
  for (const std::string& row : rows)
    for (const char digit : row)
      *pixel++ = digit == '.' ? 0 : static_cast<std::uint8_t>(digit - '0');
  return map;
}

std::vector<std::string> drawn(const torch::Tensor& map) {
  std::vector<std::string> rows;
  for (std::int64_t y = 0; y < map.size(0); ++y) {
    std::string row;
    for (std::int64_t x = 0; x < map.size(1); ++x) {
      const int label = map[y][x].item<int>();
      row += label == 0 ? '.' : static_cast<char>('0' + label);
    }
    rows.push_back(row);
  }
  return rows;
}

using Rows = std::vector<std::string>;

const std::vector<torch::Tensor>& three_maps() {
  static const std::vector<torch::Tensor> kMaps{picture({"112.2"}), picture({"122.."}),
                                                picture({"1.1.."})};
  return kMaps;
}

TEST(CombineLabels, AVoteIsOfMoreThanHalfOrOfAsManyAsAsked) {
  EXPECT_EQ(drawn(combine_labels(three_maps(), 2, {})), Rows{"1.2.."});
  EXPECT_EQ(drawn(combine_labels(three_maps(), 2, {.minimum_votes = 3})), Rows{"1...."});
  EXPECT_EQ(drawn(combine_labels(three_maps(), 2, {.minimum_votes = 1})), Rows{"112.2"});
}

TEST(CombineLabels, AUnionTakesTheClassWithMoreVotesAndTheLowerOfEqual) {
  EXPECT_EQ(drawn(combine_labels(three_maps(), 2, {.method = EnsembleMethod::kUnion})),
            Rows{"112.2"});
}

TEST(CombineLabels, HolesAreFilledButNotWhereAnotherClassIs) {
  const torch::Tensor ring = picture({"11111..1",  //
                                      "1.211.1.",  //
                                      "1.111..1",  //
                                      "11111..."});
  const Rows filled{"11111..1",  //
                    "11211.1.",  //
                    "11111..1",  //
                    "11111..."};
  EXPECT_EQ(drawn(combine_labels({ring}, 2, {.holes = Holes::kFill})), filled);
  EXPECT_EQ(drawn(combine_labels({ring}, 2, {})), drawn(ring));
}

TEST(CombineLabels, TheLargestPartsOfEachClassStay) {
  const torch::Tensor map = picture({"11.1.22", "11.1...", "..1..2."});
  EXPECT_EQ(drawn(combine_labels({map}, 2, {.parts = 1})), (Rows{"11...22", "11.....", "......."}));
  EXPECT_EQ(drawn(combine_labels({map}, 2, {.parts = 2})), (Rows{"11.1.22", "11.1...", ".....2."}));
}

TEST(CombineProbabilities, TheClassWithAMeanOfAtLeastAHalfWins) {
  const torch::Tensor first =
      torch::tensor({0.75F, 0.5F, 0.25F, 0.25F, 0.5F, 0.625F}).view({2, 1, 3});
  const torch::Tensor second =
      torch::tensor({0.25F, 0.25F, 0.F, 0.75F, 0.5F, 0.5F}).view({2, 1, 3});
  EXPECT_EQ(drawn(combine_probabilities({first, second}, {})), Rows{"122"});
  EXPECT_EQ(drawn(combine_probabilities({first, second, first * 0}, {})), Rows{"..."});
  EXPECT_TRUE(mean_probabilities({first, second}).equal((first + second) / 2));
}

TEST(CombineLabels, RefusesWhatDisagrees) {
  const torch::Tensor map = picture({"12"});
  EXPECT_THROW(combine_labels({}, 2, {}), std::invalid_argument);
  EXPECT_THROW(combine_labels({map}, 1, {}), std::invalid_argument) << "a label 2 of 1 class";
  EXPECT_THROW(combine_labels({map, picture({"123"})}, 3, {}), std::invalid_argument);
  EXPECT_THROW(combine_labels({map.to(torch::kInt64)}, 2, {}), std::invalid_argument);
  EXPECT_THROW(combine_labels({map}, 2, {.method = EnsembleMethod::kMean}), std::invalid_argument);
  EXPECT_THROW(combine_labels({map}, 2, {.minimum_votes = 2}), std::invalid_argument);
  EXPECT_THROW(combine_probabilities({map}, {}), std::invalid_argument);
}

TEST(Regions, OpeningTakesWhatNoSquareFitsInto) {
  const torch::Tensor mask = picture({"11....1", "11.111.", "...111.", "1.1111."});
  EXPECT_EQ(drawn(opened(mask, 2)), (Rows{"11.....", "11.111.", "...111.", "...111."}))
      << "an even square moves nothing";
  EXPECT_EQ(drawn(opened(mask, 3)), (Rows{"11.....", "11.111.", "...111.", "...111."}))
      << "a square may lie beyond the image";
  EXPECT_EQ(drawn(opened(mask, 1)), drawn(mask));
}

TEST(Regions, PartsAreConnectedAlongDiagonalsWhereAsked) {
  const torch::Tensor mask = picture({"1..11", ".1...", "..1.."});
  EXPECT_EQ(drawn(largest_parts(mask, 1, Connectivity::kEight)), (Rows{"1....", ".1...", "..1.."}));
  EXPECT_EQ(drawn(largest_parts(mask, 1, Connectivity::kFour)), (Rows{"...11", ".....", "....."}));
  EXPECT_EQ(drawn(largest_parts(mask, 2, Connectivity::kFour)), (Rows{"1..11", ".....", "....."}))
      << "of equal parts the first in reading order";
  EXPECT_EQ(drawn(largest_parts(mask * 0, 1, Connectivity::kFour)), drawn(mask * 0));
  EXPECT_EQ(drawn(largest_parts(torch::ones_like(mask), 1, Connectivity::kFour)),
            drawn(torch::ones_like(mask)));
}

TEST(Regions, HolesThatReachTheEdgeAreNone) {
  EXPECT_EQ(drawn(holes_filled(picture({"111", "1.1", "1.1"}))), (Rows{"111", "1.1", "1.1"}));
  EXPECT_EQ(drawn(holes_filled(picture({".1.", "1.1", ".1."}))), (Rows{".1.", "111", ".1."}))
      << "closed by diagonals";
}

TEST(Regions, ABoxIsAroundAllPixels) {
  EXPECT_TRUE(
      box_around(picture({"....", ".1..", "..1."})).equal(torch::tensor({1.F, 1.F, 3.F, 3.F})));
  EXPECT_TRUE(box_around(picture({"..", ".."})).equal(torch::zeros({4})));
}

}  // namespace
}  // namespace medsweep::runner
