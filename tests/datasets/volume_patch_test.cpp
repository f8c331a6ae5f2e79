#include "datasets/volume_patch.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

#include "datasets/augmentation/augmentation.h"

namespace medsweep::datasets {
namespace {

RandomStream box_stream(std::uint64_t number) {
  return RandomStream({2, static_cast<std::uint64_t>(RandomUse::kPatch), 0, number});
}

// Height, width, depth, as Extent has them.
constexpr Extent kVolume{40, 50, 20}, kPatch{16, 24, 8};

TEST(Boxes3d, CoverEveryVoxelAndPutAVolumeBackTogether) {
  for (const Extent& size : std::vector<Extent>{{40, 50, 20}, {16, 24, 8}, {10, 60, 5}})
    for (const TileWeight weight : {TileWeight::kConstant, TileWeight::kGaussian}) {
      const torch::Tensor volume = torch::rand({2, size.depth, size.height, size.width});
      VolumeMosaic mosaic(size, kPatch, weight);
      for (const Box& box : boxes(size, kPatch, 0.5)) mosaic.add(box, cut(volume, box, 0));
      EXPECT_TRUE(torch::allclose(mosaic.result(), volume, 1e-5, 1e-6));
    }
}

TEST(Boxes3d, RefuseWhatCannotBe) {
  EXPECT_THROW(boxes({0, 5, 5}, kPatch, 0), std::invalid_argument);
  EXPECT_THROW(boxes(kVolume, kPatch, 1), std::invalid_argument);
  VolumeMosaic mosaic(kVolume, kPatch, TileWeight::kConstant);
  EXPECT_THROW(mosaic.add({{0, 0, 0}, {16, 16, 8}}, torch::zeros({1, 8, 16, 16})),
               std::invalid_argument);
  EXPECT_THROW(mosaic.add({{20, 0, 0}, kPatch}, torch::zeros({1, 8, 16, 24})),
               std::invalid_argument);
  mosaic.add({{0, 0, 0}, kPatch}, torch::zeros({1, 8, 16, 24}));
  EXPECT_THROW(mosaic.result(), std::logic_error);
}

TEST(DrawBox, LiesWithinAndReachesEveryCorner) {
  std::int64_t lowest = 1000, highest = -1000;
  for (std::uint64_t number = 0; number < 300; ++number) {
    RandomStream stream = box_stream(number);
    const Box box = draw_box(kVolume, kPatch, stream);
    EXPECT_EQ(intersection(box, kVolume), box);
    lowest = std::min(lowest, box.first[0]);
    highest = std::max(highest, box.first[0]);
  }
  EXPECT_EQ(lowest, 0);
  EXPECT_EQ(highest, 12);
}

TEST(DrawBox, HoldsForegroundAsOftenAsAskedSmallClassesToo) {
  torch::Tensor labels = torch::zeros({20, 40, 50}, torch::kInt16);
  labels.slice(0, 0, 10).fill_(1);
  labels[19][39][0] = 2;  // one voxel in a corner
  int with_small = 0;
  constexpr int kDraws = 200;
  for (std::uint64_t number = 0; number < kDraws; ++number) {
    RandomStream stream = box_stream(number);
    const Box box = draw_box(labels, {kPatch, 1, 1}, stream);
    EXPECT_EQ(intersection(box, kVolume), box);
    const torch::Tensor inside = cut(labels, box, 0);
    EXPECT_TRUE((inside > 0).any().item<bool>());
    with_small += (inside == 2).any().item<bool>() ? 1 : 0;
  }
  EXPECT_NEAR(with_small, kDraws / 2, 30);
}

TEST(DrawBox, PutsASmallVolumeIntoTheMiddle) {
  RandomStream stream = box_stream(0);
  const Box box = draw_box({10, 12, 4}, kPatch, stream);
  EXPECT_EQ(box.first, (std::array<std::int64_t, 3>{-2, -3, -6}));
  const torch::Tensor volume = torch::ones({4, 10, 12});
  const torch::Tensor patch = cut(volume, box, -1);
  EXPECT_EQ(patch.sizes(), (std::vector<std::int64_t>{8, 16, 24}));
  EXPECT_EQ(patch[0][0][0].item<float>(), -1);
  EXPECT_EQ((patch == 1).sum().item<std::int64_t>(), volume.numel());
}

TEST(WithContext3d, LeavesNothingUnknownInTheMiddle) {
  const std::array<double, 3> spacing{4, 1, 1};
  const Augmentation change = make_augmentation(
      {{"rotate", {.probability = 1, .degrees = 60, .tilt = 12}}, {"scale", {.probability = 1}}});
  EXPECT_EQ(change.tilt, 12);
  const Box inner{{30, 40, 40}, kPatch};
  const Box larger = with_context(inner, change, spacing);
  for (std::uint64_t number = 0; number < 40; ++number) {
    const Extent& extent = larger.extent;
    View view{torch::ones({1, extent.depth, extent.height, extent.width}),
              torch::zeros({extent.depth, extent.height, extent.width}, torch::kInt16)};
    view.spacing = spacing;
    RandomStream stream = box_stream(number);
    change.apply(view, stream);
    const Box middle{{inner.first[0] - larger.first[0], inner.first[1] - larger.first[1],
                      inner.first[2] - larger.first[2]},
                     kPatch};
    EXPECT_TRUE((cut(view.labels, middle, 0) == 0).all().item<bool>()) << number;
  }
  EXPECT_EQ(with_context(inner, make_augmentation("flip"), spacing), inner);
}

}  // namespace
}  // namespace medsweep::datasets
