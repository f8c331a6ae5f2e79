#include "datasets/mini_masks.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

#include "datasets/segmentation_dataset.h"

namespace medsweep::datasets {
namespace {

Instances one_object(const torch::Tensor& mask, const std::vector<float>& box) {
  Instances objects;
  objects.boxes = torch::tensor(box).view({1, 4});
  objects.labels = torch::ones({1}, torch::kUInt8);
  objects.ignore = torch::zeros({1}, torch::kUInt8);
  objects.masks = mask.unsqueeze(0);
  return objects;
}

torch::Tensor blank(std::int64_t height, std::int64_t width) {
  return torch::zeros({height, width}, torch::kUInt8);
}

TEST(MiniMasks, OfTheBoxsOwnSizeAreItsPixels) {
  torch::Tensor mask = blank(9, 11);
  mask.slice(0, 2, 6).slice(1, 3, 8).copy_(torch::arange(20).view({4, 5}) % 3 == 0);
  const Instances minis = with_mini_masks(one_object(mask, {3, 2, 8, 6}), {4, 5});
  EXPECT_FALSE(minis.masks.defined());
  EXPECT_TRUE(torch::equal(minis.mini_masks[0], mask.slice(0, 2, 6).slice(1, 3, 8) * 255));
}

TEST(MiniMasks, OfALargerBoxAreSharesOfArea) {
  torch::Tensor mask = blank(8, 8);
  mask.slice(0, 0, 3).slice(1, 0, 4).fill_(1);
  const Instances minis = with_mini_masks(one_object(mask, {0, 0, 8, 8}), {2, 2});
  EXPECT_TRUE(torch::equal(minis.mini_masks[0], torch::tensor({{191, 0}, {0, 0}}, torch::kUInt8)));
}

TEST(MiniMasks, OfOnePixelAreFull) {
  torch::Tensor mask = blank(6, 6);
  mask[3][2] = 1;
  const torch::Tensor mini = with_mini_masks(one_object(mask, {2, 3, 3, 4}), {7, 7}).mini_masks[0];
  EXPECT_EQ(mini[3][3].item<int>(), 255);
  EXPECT_GE(mini.min().item<int>(), 64) << "a quarter in the corners, bilinear";
  EXPECT_TRUE(torch::equal(mini, mini.t()));
}

TEST(MiniMasks, AThinObjectIsNeverLost) {
  torch::Tensor mask = blank(400, 400);
  mask[200][150] = 1;
  const auto mini = with_mini_masks(one_object(mask, {0, 0, 400, 400}), {4, 4}).mini_masks[0];
  EXPECT_EQ(mini.max().item<int>(), 1);
  EXPECT_EQ((mini > 0).sum().item<int>(), 1);
}

TEST(MiniMasks, OfAnEmptyMaskOrABoxWithoutAreaAreEmpty) {
  EXPECT_FALSE(
      with_mini_masks(one_object(blank(6, 6), {1, 1, 4, 4}), {5, 5}).mini_masks.any().item<bool>());
  torch::Tensor mask = blank(6, 6);
  mask[1][1] = 1;
  EXPECT_FALSE(
      with_mini_masks(one_object(mask, {1, 1, 1, 4}), {5, 5}).mini_masks.any().item<bool>());
  EXPECT_TRUE(
      with_mini_masks(one_object(mask, {-9, -9, 20, 20}), {5, 5}).mini_masks.any().item<bool>())
      << "what lies outside of the image is empty";
}

TEST(MiniMasks, NoObjectsAndObjectsWithoutMasksAreTaken) {
  Instances none;
  none.boxes = torch::zeros({0, 4});
  none.labels = none.ignore = torch::zeros({0}, torch::kUInt8);
  none.masks = torch::zeros({0, 8, 9}, torch::kUInt8);
  EXPECT_EQ(with_mini_masks(none, {5, 6}).mini_masks.sizes(), (std::vector<std::int64_t>{0, 5, 6}));
  none.masks.reset();
  EXPECT_FALSE(with_mini_masks(none, {5, 6}).mini_masks.defined());
  EXPECT_THROW(with_mini_masks(none, {5, 0}), std::invalid_argument);
}

/// An image of 20 squares in a grid, all of one class.
PoolMember squares() {
  PoolMember member{"squares", {"square", "other"}, 1, {}, {}, {}, 1};
  SampleId id;
  id.name = id.case_name = id.patient = "p0";
  member.samples.push_back(id);
  member.sizes.push_back({500, 400});
  member.read = [](std::int64_t, const torch::Tensor&) {
    RawSample raw;
    raw.image = torch::zeros({1, 500, 400}, torch::kUInt8);
    raw.labels = torch::zeros({500, 400}, torch::kUInt8);
    for (std::int64_t i = 0; i < 20; ++i)
      raw.labels.slice(0, i / 4 * 100 + 10, i / 4 * 100 + 70)
          .slice(1, i % 4 * 100 + 10, i % 4 * 100 + 90)
          .fill_(1);
    return raw;
  };
  return member;
}

std::size_t bytes_of(const Instances& objects) {
  std::size_t bytes = 0;
  for (const auto* tensor :
       {&objects.boxes, &objects.labels, &objects.ignore, &objects.masks, &objects.mini_masks})
    if (tensor->defined()) bytes += tensor->nbytes();
  return bytes;
}

TEST(MiniMasks, OfTrainingSamplesTakeLittleMemoryAndEvaluationKeepsWholeMasks) {
  const auto pool = std::make_shared<const DataPool>(std::vector{squares()});
  SampleOptions options;
  options.objects = ObjectSource::kComponent;
  const auto objects_of_first = [&](SampleMode mode) {
    return SegmentationDataset(pool, {0}, options, mode).get(0, {0, 0}).targets.at(kSegmentation);
  };
  const Instances whole = objects_of_first(SampleMode::kTrain).instances;
  options.mini_masks = {56, 56};
  const Instances mini = objects_of_first(SampleMode::kTrain).instances;
  EXPECT_EQ(whole.masks.sizes(), (std::vector<std::int64_t>{20, 500, 400}));
  EXPECT_EQ(mini.mini_masks.sizes(), (std::vector<std::int64_t>{20, 56, 56}));
  EXPECT_FALSE(mini.masks.defined());
  EXPECT_LT(60 * bytes_of(mini), bytes_of(whole));
  EXPECT_TRUE(torch::equal(mini.boxes, whole.boxes));
  EXPECT_TRUE((mini.mini_masks == 255).all().item<bool>()) << "squares fill their boxes";
  const SegmentationDataset judged(pool, {0}, options, SampleMode::kEvaluate);
  const Instances truth = judged.evaluate(0).truth.at(kSegmentation).instances;
  EXPECT_TRUE(truth.masks.defined());
  EXPECT_FALSE(truth.mini_masks.defined());
}

}  // namespace
}  // namespace medsweep::datasets
