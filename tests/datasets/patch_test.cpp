#include "datasets/patch.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

#include "datasets/augmentation/rotate.h"

namespace medsweep::datasets {
namespace {

RandomStream patch_stream(std::uint64_t number) {
  return RandomStream({1, static_cast<std::uint64_t>(RandomUse::kPatch), 0, number});
}

TEST(Windows, CoverEveryPixelLieWithinAndEndFlush) {
  for (const Extent& image : std::vector<Extent>{{584, 565}, {256, 256}, {257, 300}, {100, 400}})
    for (const double overlap : {0.0, 0.25, 0.5, 0.9}) {
      const Extent patch{256, 128};
      torch::Tensor covered = torch::zeros(
          {std::max<std::int64_t>(image.height, 256), std::max<std::int64_t>(image.width, 128)});
      for (const Window& window : windows(image, patch, overlap)) {
        EXPECT_EQ(window.extent, patch);
        ASSERT_LE(window.top + 256, covered.size(0));
        ASSERT_LE(window.left + 128, covered.size(1));
        covered.slice(0, window.top, window.top + 256).slice(1, window.left, window.left + 128) +=
            1;
      }
      EXPECT_GE(covered.min().item<float>(), 1);
      const Window last = windows(image, patch, overlap).back();
      EXPECT_EQ(last.top + 256, covered.size(0));
      EXPECT_EQ(last.left + 128, covered.size(1));
    }
}

TEST(Windows, NeighboursShareAtLeastTheOverlap) {
  const auto list = windows({100, 1000}, {100, 128}, 0.5);
  for (std::size_t i = 1; i < list.size(); ++i) EXPECT_LE(list[i].left - list[i - 1].left, 64);
  EXPECT_EQ(windows({128, 128}, {128, 128}, 0.5).size(), 1U);
  EXPECT_EQ(windows({256, 128}, {128, 128}, 0).size(), 2U);
}

TEST(Windows, RefuseWhatCannotCover) {
  EXPECT_THROW(windows({0, 5}, {4, 4}, 0), std::invalid_argument);
  EXPECT_THROW(windows({5, 5}, {4, 4}, 1), std::invalid_argument);
}

TEST(TileWeights, ArePositiveSymmetricAndLargestInTheMiddle) {
  const torch::Tensor weights = tile_weights({64, 33}, TileWeight::kGaussian);
  EXPECT_GT(weights.min().item<float>(), 0);
  EXPECT_FLOAT_EQ(weights.max().item<float>(), 1);
  EXPECT_TRUE(torch::allclose(weights, weights.flip({0, 1})));
  EXPECT_FLOAT_EQ(weights[31][16].item<float>(), 1);
  // One deviation (33 / 8 columns) off the middle: e^-1/2; here 4 columns.
  EXPECT_NEAR(weights[31][20].item<float>(), std::exp(-0.5 * std::pow(4 / (33 / 8.0), 2)), 1e-5);
  EXPECT_TRUE(tile_weights({3, 4}, TileWeight::kConstant).eq(1).all().item<bool>());
}

TEST(Mosaic, PutsTilesOfAnImageBackTogether) {
  for (const Extent& size : std::vector<Extent>{{97, 83}, {20, 90}, {10, 12}})
    for (const TileWeight weight : {TileWeight::kConstant, TileWeight::kGaussian}) {
      const torch::Tensor image = torch::rand({2, size.height, size.width});
      Mosaic mosaic(size, {32, 24}, weight);
      for (const Window& window : windows(size, {32, 24}, 0.5))
        mosaic.add(window, cut(image, window, 0));
      EXPECT_TRUE(torch::allclose(mosaic.result(), image, 1e-5, 1e-6));
    }
}

TEST(Mosaic, RefusesHolesAndForeignTiles) {
  Mosaic mosaic({40, 40}, {32, 32}, TileWeight::kConstant);
  mosaic.add({0, 0, {32, 32}}, torch::rand({1, 32, 32}));
  EXPECT_THROW(mosaic.result(), std::logic_error);
  EXPECT_THROW(mosaic.add({0, 0, {16, 16}}, torch::rand({1, 16, 16})), std::invalid_argument);
  EXPECT_THROW(mosaic.add({40, 0, {32, 32}}, torch::rand({1, 32, 32})), std::invalid_argument);
}

TEST(Cut, FillsBeyondTheBorders) {
  const torch::Tensor image = torch::arange(12, torch::kFloat32).reshape({1, 3, 4});
  const torch::Tensor patch = cut(image, {-1, 2, {3, 4}}, -5);
  EXPECT_TRUE(torch::equal(
      patch[0],
      torch::tensor({{-5.F, -5.F, -5.F, -5.F}, {2.F, 3.F, -5.F, -5.F}, {6.F, 7.F, -5.F, -5.F}})));
}

TEST(DrawWindow, LiesWithinTheImageAndVisitsItAll) {
  const torch::Tensor labels = torch::zeros({30, 40}, torch::kInt16);
  torch::Tensor visited = torch::zeros({30, 40});
  for (std::uint64_t i = 0; i < 5000; ++i) {
    RandomStream stream = patch_stream(i);
    const Window window = draw_window(labels, {{16, 16}, 0.5}, stream);
    ASSERT_EQ(intersection(window, {30, 40}), window);
    visited.slice(0, window.top, window.top + 16).slice(1, window.left, window.left + 16) += 1;
  }
  EXPECT_GE(visited.min().item<float>(), 1);
}

TEST(DrawWindow, ForegroundIsOversampledAndRareClassesCountAsMuch) {
  torch::Tensor labels = torch::zeros({200, 200}, torch::kInt16);
  labels[190][5] = 1;                                  // one pixel
  labels.slice(0, 0, 40).slice(1, 150, 200).fill_(2);  // two thousand
  int rare = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    RandomStream stream = patch_stream(i);
    const Window window = draw_window(labels, {{16, 16}, 1.0}, stream);
    const torch::Tensor patch = cut(labels, window, 0);
    EXPECT_TRUE(patch.gt(0).any().item<bool>());
    rare += patch.eq(1).any().item<bool>() ? 1 : 0;
  }
  EXPECT_NEAR(rare / 400.0, 0.5, 0.1);
}

TEST(DrawWindow, ASmallImageLiesInTheMiddle) {
  RandomStream stream = patch_stream(0);
  const Window window = draw_window(torch::ones({10, 40}, torch::kInt16), {{16, 16}, 1.0}, stream);
  EXPECT_EQ(window.top, -3);
  EXPECT_GE(window.left, 0);
}

TEST(WithContext, AfterTheLargestRotationThePatchHoldsOnlyPixelsOfTheContext) {
  for (const double degrees : {0.0, 10.0, 45.0, 70.0, 90.0, 180.0})
    for (const Extent& extent : std::vector<Extent>{{64, 64}, {32, 96}}) {
      const Window inner{0, 0, extent}, outer = with_context(inner, degrees);
      for (double angle = -degrees; angle <= degrees; angle += 5) {
        View view{torch::ones({1, outer.extent.height, outer.extent.width}),
                  torch::ones({outer.extent.height, outer.extent.width}, torch::kInt16)};
        rotate_view(view, angle);
        const torch::Tensor middle = cut(view.labels, {-outer.top, -outer.left, extent}, -1);
        ASSERT_EQ(middle.min().item<int>(), 1) << degrees << " " << angle;
      }
    }
}

TEST(PatchOptions, AreChecked) {
  EXPECT_NO_THROW(check(PatchOptions{}));
  EXPECT_THROW(check(PatchOptions{{-1, 2}}), std::invalid_argument);
  EXPECT_THROW(check(PatchOptions{{8, 8}, 1.5}), std::invalid_argument);
  EXPECT_THROW(check(PatchOptions{{8, 8}, 0.5, 0}), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
