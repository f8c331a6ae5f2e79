#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/distance_transform.h"
#include "base/random.h"
#include "runner/metrics/metrics.h"
#include "runner/metrics/surface_distance.h"

namespace medsweep::runner {
namespace {

/// Zeros with ones in the block [d0, d1) x [h0, h1) x [w0, w1).
torch::Tensor box_mask(torch::IntArrayRef shape, const std::array<std::int64_t, 6>& edges) {
  const torch::Tensor mask = torch::zeros(shape, torch::kUInt8);
  mask.slice(0, edges[0], edges[1]).slice(1, edges[2], edges[3]).slice(2, edges[4], edges[5]) += 1;
  return mask;
}

Case measured(const torch::Tensor& prediction, const torch::Tensor& truth,
              std::vector<double> spacing) {
  Case whole;
  whole.name = "patient001_ED";
  whole.prediction = prediction;
  whole.truth = truth;
  whole.spacing = std::move(spacing);
  whole.classes = {"lv"};
  return whole;
}

TEST(SquaredDistances, EqualThoseOfEveryPairOnAnisotropicGrids) {
  RandomStream random{1, 2};
  for (const GridShape& shape : {GridShape{1, 9, 13}, GridShape{5, 6, 7}, GridShape{6, 1, 1}}) {
    const std::array<double, 3> spacing{random.uniform(0.3, 9), random.uniform(0.3, 3), 1.25};
    std::vector<std::uint8_t> marked(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]));
    for (auto& mark : marked) mark = random.chance(0.06) ? 1 : 0;
    marked[0] = 1;
    const auto offset = [&](std::size_t from, std::size_t to, std::size_t axis) {
      const std::array<std::int64_t, 3> strides{shape[1] * shape[2], shape[2], 1};
      const auto place = [&](std::size_t voxel) {
        return static_cast<std::int64_t>(voxel) / strides[axis] % shape[axis];
      };
      return spacing[axis] * static_cast<double>(place(from) - place(to));
    };

    const std::vector<double> squared = squared_distances(marked, shape, spacing);

    for (std::size_t i = 0; i < marked.size(); ++i) {
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t j = 0; j < marked.size(); ++j)
        if (marked[j] != 0)
          least = std::min(least, std::pow(offset(i, j, 0), 2) + std::pow(offset(i, j, 1), 2) +
                                      std::pow(offset(i, j, 2), 2));
      EXPECT_NEAR(squared[i], least, 1e-12 * least) << i;
    }
  }
}

TEST(SquaredDistances, NothingMarkedIsInfinitelyFar) {
  EXPECT_THAT(squared_distances({0, 0, 0, 0}, {1, 2, 2}, {1, 1, 1}),
              testing::Each(std::numeric_limits<double>::infinity()));
}

TEST(Percentile, InterpolatesBetweenOrderStatistics) {
  EXPECT_DOUBLE_EQ(percentile({4, 1, 3, 2}, 0.95), 3.85);
  EXPECT_DOUBLE_EQ(percentile({4, 1, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(percentile({7}, 0.95), 7);
}

TEST(SurfaceDistance, TwoSquaresOfTenShiftedByThreeGiveTheirClosedForms) {
  // Of the 36 pixels of a square's outline 10 are 3 away along the row, four are 2 and 1 away on
  // the rows above and below, and the far side lies 1 2 3 3 3 3 2 1 inside the other square.
  const Case whole = measured(box_mask({1, 20, 20}, {0, 1, 2, 12, 2, 12}),
                              box_mask({1, 20, 20}, {0, 1, 2, 12, 5, 15}), {9, 0.5, 0.5});

  const SurfaceDistances distances = surface_distances(whole, 1).value();

  EXPECT_EQ(distances.to_truth.size(), 36U);
  EXPECT_EQ(distances.to_prediction.size(), 36U);
  EXPECT_DOUBLE_EQ(hd95(distances), 1.5);
  EXPECT_DOUBLE_EQ(hd95_pooled(distances), 1.5);
  EXPECT_DOUBLE_EQ(assd(distances), 0.75);
}

TEST(SurfaceDistance, APixelAndALineTellThePercentilesApart) {
  // To the pixel: 0, 1 ... 19; back: 0.
  const SurfaceDistances distances =
      surface_distances(measured(box_mask({1, 3, 20}, {0, 1, 1, 2, 0, 20}),
                                 box_mask({1, 3, 20}, {0, 1, 1, 2, 0, 1}), {1, 1, 1}),
                        1)
          .value();

  EXPECT_DOUBLE_EQ(hd95(distances), 18.05);
  EXPECT_DOUBLE_EQ(hd95_pooled(distances), 18);
  EXPECT_DOUBLE_EQ(assd(distances), 190.0 / 21);
}

TEST(SurfaceDistance, TwoVoxelsAreTheirDistanceInMillimetres) {
  const SurfaceDistances distances =
      surface_distances(measured(box_mask({4, 5, 6}, {0, 1, 0, 1, 0, 1}),
                                 box_mask({4, 5, 6}, {2, 3, 3, 4, 4, 5}), {10, 1.5, 1}),
                        1)
          .value();
  EXPECT_DOUBLE_EQ(hd95(distances), std::sqrt(400 + 20.25 + 16));
  EXPECT_DOUBLE_EQ(assd(distances), std::sqrt(400 + 20.25 + 16));
}

TEST(SurfaceDistance, ACubeInACubeIsAsFarAsItsNearestFace) {
  const torch::Tensor inner = box_mask({9, 9, 9}, {3, 6, 3, 6, 3, 6});
  const torch::Tensor outer = torch::ones({9, 9, 9}, torch::kUInt8);

  const SurfaceDistances equal = surface_distances(measured(inner, outer, {1, 1, 1}), 1).value();
  const SurfaceDistances tall = surface_distances(measured(inner, outer, {2, 1, 1}), 1).value();

  EXPECT_THAT(equal.to_truth, testing::AllOf(testing::SizeIs(26), testing::Each(3.0)));
  EXPECT_THAT(equal.to_prediction, testing::SizeIs(9 * 9 * 9 - 7 * 7 * 7));
  // With thick slices the two voxels at the poles are nearest to a side.
  EXPECT_EQ(std::ranges::count(tall.to_truth, 4.0), 2);
  EXPECT_EQ(std::ranges::count(tall.to_truth, 3.0), 24);
}

TEST(SurfaceDistance, OneImageIsMeasuredInThePlaneAndAVolumeIsNot) {
  const torch::Tensor disc = box_mask({1, 9, 9}, {0, 1, 2, 7, 2, 7});
  const SurfaceDistances plane = surface_distances(measured(disc, disc, {5, 1, 1}), 1).value();
  EXPECT_EQ(plane.to_truth.size(), 16U);

  const torch::Tensor slab = box_mask({3, 9, 9}, {1, 2, 2, 7, 2, 7});
  const SurfaceDistances volume = surface_distances(measured(slab, slab, {5, 1, 1}), 1).value();
  EXPECT_EQ(volume.to_truth.size(), 25U);
}

TEST(SurfaceDistance, AnEmptyMaskGivesNullWithItsReason) {
  const torch::Tensor empty = torch::zeros({2, 3, 3}, torch::kUInt8);
  const torch::Tensor full = torch::ones({2, 3, 3}, torch::kUInt8);
  const auto row = [](const Case& whole) { return evaluate_case(whole, {"hd95_mm"}).at(0); };

  EXPECT_EQ(row(measured(empty, full, {1, 1, 1})),
            (MetricRow{"hd95_mm", "lv", std::nullopt, "one mask is empty"}));
  EXPECT_EQ(row(measured(empty, empty, {1, 1, 1})),
            (MetricRow{"hd95_mm", "lv", std::nullopt, "both masks are empty"}));
  EXPECT_EQ(row(measured(full, full, {})),
            (MetricRow{"hd95_mm", "lv", std::nullopt, "the spacing is unknown"}));
  EXPECT_EQ(row(measured(full, full, {1, 1, 1})), (MetricRow{"hd95_mm", "lv", 0.0, ""}));
}

TEST(SurfaceDistance, SpacingThatIsNotPositiveNamesTheCase) {
  const torch::Tensor full = torch::ones({2, 3, 3}, torch::kUInt8);
  try {
    evaluate_case(measured(full, full, {10, 0, 1}), {"hd95_mm"});
    FAIL() << "a spacing of zero was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[metrics] case 'patient001_ED': spacing [10, 0, 1] mm; three positive numbers "
                 "are allowed");
  }
}

}  // namespace
}  // namespace medsweep::runner
