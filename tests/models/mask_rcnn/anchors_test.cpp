#include "models/mask_rcnn/anchors.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <stdexcept>
#include <string>

namespace medsweep::models {
namespace {

std::string refusal(const AnchorOptions& options, std::size_t levels) {
  try {
    AnchorGenerator{options, levels};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(AnchorGeneratorTest, CornersAreTorchvisionsWholeNumbers) {
  const AnchorGenerator anchors({}, 5);
  const float expected[5][3][4] = {
      {{-23, -11, 23, 11}, {-16, -16, 16, 16}, {-11, -23, 11, 23}},
      {{-45, -23, 45, 23}, {-32, -32, 32, 32}, {-23, -45, 23, 45}},
      {{-91, -45, 91, 45}, {-64, -64, 64, 64}, {-45, -91, 45, 91}},
      {{-181, -91, 181, 91}, {-128, -128, 128, 128}, {-91, -181, 91, 181}},
      {{-362, -181, 362, 181}, {-256, -256, 256, 256}, {-181, -362, 181, 362}}};
  for (std::size_t level = 0; level < 5; ++level)
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t k = 0; k < 4; ++k)
        EXPECT_EQ(anchors.cell(level)[i][k].item<float>(), expected[level][i][k])
            << level << " " << i << " " << k;
}

TEST(AnchorGeneratorTest, ExactCornersAreNotRounded) {
  const AnchorGenerator anchors({.corners = AnchorCorners::kExact}, 5);
  EXPECT_NEAR(anchors.cell(0)[0][0].item<float>(), -16 * std::sqrt(2.0), 1e-5);
}

TEST(AnchorGeneratorTest, PositionsGoByRowsColumnsThenShapesWithWholeSteps) {
  const AnchorGenerator anchors({}, 5);
  const std::vector<datasets::Extent> maps{{32, 32}, {16, 16}, {8, 8}, {4, 4}, {2, 2}};
  const auto grid = anchors.grid(maps, {128, 128});
  std::int64_t count = 0;
  for (const auto& level : grid) count += level.size(0);
  EXPECT_EQ(count, 4092);
  // Row 1, column 2 of the second level (step 8), shape 1.
  const torch::Tensor anchor = grid[1][(16 + 2) * 3 + 1];
  EXPECT_TRUE(torch::equal(anchor, torch::tensor({16.F - 32, 8.F - 32, 16.F + 32, 8.F + 32})));
  // 100 pixels on 32 positions: a step of 3, as torchvision counts.
  EXPECT_EQ(anchors.grid({{32, 32}}, {100, 128})[0][32 * 3 + 1][1].item<float>(), 3 - 16);
}

TEST(AnchorGeneratorTest, SizesThatDoNotFitTheLevelsAreRefusedWithBothCounts) {
  AnchorOptions four;
  four.sizes = {{16}, {32}, {64}, {128}};
  const std::string text = refusal(four, 5);
  EXPECT_NE(text.find("4 sizes"), std::string::npos) << text;
  EXPECT_NE(text.find("5 levels"), std::string::npos) << text;
  AnchorOptions uneven;
  uneven.sizes = {{16, 20}, {32}, {64}, {128}, {256}};
  EXPECT_NE(refusal(uneven, 5), "accepted");
  AnchorOptions negative;
  negative.sizes[2] = {-1};
  EXPECT_NE(refusal(negative, 5), "accepted");
  EXPECT_NE(refusal({.ratios = {}}, 5), "accepted");
  EXPECT_NE(refusal({.ratios = {0}}, 5), "accepted");
}

TEST(AnchorGeneratorTest, SeveralSizesOfALevelMultiplyWithTheRatios) {
  AnchorOptions options;
  options.sizes = {{16, 20}, {32, 40}};
  const AnchorGenerator anchors(options, 2);
  EXPECT_EQ(anchors.per_position(), 6);
  EXPECT_EQ(anchors.grid({{2, 3}, {1, 2}}, {8, 12})[0].size(0), 36);
}

}  // namespace
}  // namespace medsweep::models
