#include "datasets/converters/lung_split.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "datasets/converters/mask_shapes.h"

namespace medsweep::datasets {
namespace {

/// A box of ones in an empty mask: columns [x1, x2), rows [y1, y2).
torch::Tensor lung_box(std::int64_t x1, std::int64_t y1, std::int64_t x2, std::int64_t y2,
                       std::int64_t width = 256) {
  torch::Tensor mask = torch::zeros({64, width}, torch::kUInt8);
  mask.slice(0, y1, y2).slice(1, x1, x2).fill_(1);
  return mask;
}

TEST(MaskShapes, ComponentsAreFourConnectedAndOrderedBySize) {
  const torch::Tensor mask =
      lung_box(0, 0, 4, 4) + lung_box(4, 4, 10, 10) + lung_box(20, 20, 22, 22);
  const auto parts = largest_components(mask, 5);
  ASSERT_EQ(parts.size(), 3u);  // the first two touch at a corner only
  EXPECT_EQ(parts[0].area, 36);
  EXPECT_EQ(parts[1].area, 16);
  EXPECT_TRUE(torch::equal(parts[2].mask, lung_box(20, 20, 22, 22)));
  EXPECT_EQ(parts[0].x1, 4);
  EXPECT_EQ(parts[0].x2, 10);
  EXPECT_DOUBLE_EQ(parts[0].centre_y, 6.5);
  EXPECT_EQ(largest_components(mask, 1).size(), 1u);
  EXPECT_TRUE(largest_components(torch::zeros_like(mask), 2).empty());
}

TEST(MaskShapes, HolesAreFilledAndBaysAreNot) {
  torch::Tensor ring = lung_box(5, 5, 15, 15) - lung_box(8, 8, 10, 10);
  EXPECT_TRUE(torch::equal(fill_holes(ring), lung_box(5, 5, 15, 15)));
  ring.slice(0, 8, 10).slice(1, 10, 15).fill_(0);  // a way out
  EXPECT_TRUE(torch::equal(fill_holes(ring), ring));
  const torch::Tensor at_edge = lung_box(0, 0, 9, 9) - lung_box(0, 3, 3, 6);
  EXPECT_TRUE(torch::equal(fill_holes(at_edge), at_edge));
}

/// As SciPy's binary_fill_holes: background that touches the outside at a corner only is a hole.
TEST(MaskShapes, ACornerIsNoWayOut) {
  torch::Tensor mask = torch::ones({4, 4}, torch::kUInt8);
  mask[1][1] = 0;
  mask[0][0] = 0;
  EXPECT_EQ(fill_holes(mask).sum().item<int>(), 15);
}

TEST(LungSplit, LeftIsThePatientsLeft) {
  const LungSplit split = split_lungs(lung_box(30, 5, 110, 60) + lung_box(150, 5, 230, 60));
  EXPECT_EQ(split.by, LungSplitBy::kThirds);
  EXPECT_TRUE(split.both());
  EXPECT_TRUE(torch::equal(split.left, lung_box(150, 5, 230, 60)));
  EXPECT_TRUE(torch::equal(split.right, lung_box(30, 5, 110, 60)));
}

/// 256 columns, as in Lungs: 85 and 170; x_max is the last column that belongs to it.
TEST(LungSplit, TheThirdsAreThoseOfTheLungsSystem) {
  EXPECT_EQ(split_lungs(lung_box(84, 5, 100, 60) + lung_box(110, 5, 172, 60)).by,
            LungSplitBy::kThirds);
  EXPECT_EQ(split_lungs(lung_box(20, 5, 170, 60) + lung_box(175, 5, 200, 60)).by,
            LungSplitBy::kThirds);
  EXPECT_EQ(split_lungs(lung_box(20, 5, 171, 60) + lung_box(175, 5, 200, 60)).by,
            LungSplitBy::kCentroids);
  EXPECT_EQ(split_lungs(lung_box(20, 5, 60, 60) + lung_box(85, 5, 200, 60)).by,
            LungSplitBy::kCentroids);
}

TEST(LungSplit, TwoPartsThatDoNotFitAreOrderedByTheirCentres) {
  const LungSplit split = split_lungs(lung_box(2, 5, 40, 60) + lung_box(44, 5, 80, 60));
  EXPECT_EQ(split.by, LungSplitBy::kCentroids);
  EXPECT_TRUE(torch::equal(split.left, lung_box(44, 5, 80, 60)));
  EXPECT_TRUE(torch::equal(split.right, lung_box(2, 5, 40, 60)));
}

TEST(LungSplit, SpecksAreLeftOutAndHolesFilled) {
  const torch::Tensor left = lung_box(150, 5, 230, 60), right = lung_box(30, 5, 110, 60);
  const LungSplit split =
      split_lungs(left + right - lung_box(40, 20, 50, 30) + lung_box(120, 1, 125, 3));
  EXPECT_EQ(split.by, LungSplitBy::kThirds);
  EXPECT_TRUE(torch::equal(split.right, right));
  EXPECT_TRUE(torch::equal(split.left, left));
}

TEST(LungSplit, OnePartOverBothSidesIsCutWhereItIsThinnest) {
  const torch::Tensor mask =
      lung_box(30, 5, 110, 60) + lung_box(110, 30, 150, 34) + lung_box(150, 5, 230, 60);
  torch::Tensor neck = mask.clone();
  neck.slice(0, 30, 32).slice(1, 118, 119).fill_(0);
  const LungSplit split = split_lungs(neck + lung_box(1, 1, 3, 3));  // a speck is no lung
  EXPECT_EQ(split.by, LungSplitBy::kCut);
  EXPECT_TRUE(split.both());
  EXPECT_EQ(split.right.slice(1, 118).sum().item<int>(), 0);
  EXPECT_EQ(split.left.slice(1, 0, 118).sum().item<int>(), 0);
  EXPECT_TRUE(torch::equal(split.left + split.right, neck));
}

TEST(LungSplit, OfEquallyThinColumnsTheMiddleOneIsCut) {
  const LungSplit split = split_lungs(lung_box(30, 5, 230, 60));
  EXPECT_EQ(split.by, LungSplitBy::kCut);
  EXPECT_TRUE(torch::equal(split.right, lung_box(30, 5, 128, 60)));
}

TEST(LungSplit, OneLungOrNoneIsSaid) {
  const LungSplit one = split_lungs(lung_box(150, 5, 230, 60));
  EXPECT_EQ(one.by, LungSplitBy::kOneLung);
  EXPECT_FALSE(one.both());
  EXPECT_TRUE(torch::equal(one.left, lung_box(150, 5, 230, 60)));
  EXPECT_EQ(one.right.sum().item<int>(), 0);
  const LungSplit none = split_lungs(torch::zeros({64, 256}, torch::kUInt8));
  EXPECT_EQ(none.by, LungSplitBy::kNothing);
  EXPECT_FALSE(none.both());
  EXPECT_EQ(none.left.sizes(), (torch::IntArrayRef{64, 256}));
}

}  // namespace
}  // namespace medsweep::datasets
