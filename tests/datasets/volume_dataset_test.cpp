#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <atomic>
#include <stdexcept>

#include "datasets/augmentation/augmentation.h"
#include "datasets/segmentation_dataset.h"

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kDepth = 9, kHeight = 14, kWidth = 11;

/// Two channels whose values follow from the place; a block of class 2 in one corner.
RawSample raw_volume(std::int64_t index) {
  const torch::Tensor values =
      torch::arange(2 * kDepth * kHeight * kWidth) * (7 + index) % 1013 - 400;
  RawSample raw;
  raw.image = values.to(torch::kInt16).reshape({2, kDepth, kHeight, kWidth});
  raw.labels = torch::zeros({kDepth, kHeight, kWidth}, torch::kUInt8);
  raw.labels.slice(0, 0, 2).slice(1, 0, 2).slice(2, 0, 2).fill_(2);
  return raw;
}

struct Reads {
  std::atomic<int> whole = 0, boxes = 0;
};

PoolMember volume_member(Reads& reads, std::int64_t count = 2) {
  PoolMember member{"tumours", {"oedema", "core"}, 2, {}, {}, {}, 1};
  for (std::int64_t i = 0; i < count; ++i) {
    SampleId id;
    id.index = i;
    id.name = id.case_name = id.patient = fmt::format("p{}", i);
    id.spacing = {3, 1, 1};
    member.samples.push_back(id);
    member.sizes.push_back({kHeight, kWidth, kDepth});
  }
  member.dimension = 3;
  member.read = [&reads](std::int64_t i, const torch::Tensor&) {
    ++reads.whole;
    return raw_volume(i);
  };
  member.read_box = [&reads](std::int64_t i, const Box& box, const Parts& parts) {
    ++reads.boxes;
    RawSample part = raw_volume(i);
    part.image = parts.image ? cut(part.image, box, 0) : torch::Tensor();
    part.labels = parts.labels ? cut(part.labels, box, 0) : torch::Tensor();
    return part;
  };
  return member;
}

std::shared_ptr<const DataPool> volume_pool(Reads& reads, std::int64_t cache_bytes = 0) {
  return std::make_shared<const DataPool>(std::vector{volume_member(reads)}, cache_bytes);
}

SampleOptions volume_options(const Extent& patch = {}) {
  SampleOptions options;
  options.color_mode = "all";
  options.normalization = "zscore";
  options.patch.extent = patch;
  return options;
}

TEST(VolumeDataset, AWholeVolumeKeepsItsShape) {
  Reads reads;
  const SegmentationDataset dataset(volume_pool(reads), {1}, volume_options(),
                                    SampleMode::kEvaluate);
  const EvaluationSample sample = dataset.evaluate(0);
  EXPECT_EQ(sample.sample.image.sizes().vec(),
            (std::vector<std::int64_t>{2, kDepth, kHeight, kWidth}));
  EXPECT_EQ(sample.truth.at(kSegmentation).labels.sizes().vec(),
            (std::vector<std::int64_t>{kDepth, kHeight, kWidth}));
  EXPECT_EQ(dataset.extent(0), (Extent{kHeight, kWidth, kDepth}));
  EXPECT_EQ(dataset.channels(), 2);
  EXPECT_NEAR(sample.sample.image[0].mean().item<double>(), 0, 1e-4);
  EXPECT_NEAR(sample.sample.image[1].var(false).item<double>(), 1, 1e-4);
}

/// Where a patch's voxels lie in the whole normalised volume; {-1, ...} where nowhere.
std::array<std::int64_t, 3> place_in(const torch::Tensor& whole, const torch::Tensor& patch) {
  for (std::int64_t z = 0; z + patch.size(1) <= whole.size(1); ++z)
    for (std::int64_t y = 0; y + patch.size(2) <= whole.size(2); ++y)
      for (std::int64_t x = 0; x + patch.size(3) <= whole.size(3); ++x)
        if (torch::equal(cut(whole, {{z, y, x}, {patch.size(2), patch.size(3), patch.size(1)}}, 0),
                         patch))
          return {z, y, x};
  return {-1, -1, -1};
}

TEST(VolumeDataset, APatchIsTheWholeVolumesVoxels) {
  Reads reads;
  const SegmentationDataset whole(volume_pool(reads), {0}, volume_options(), SampleMode::kEvaluate);
  const SegmentationDataset patches(volume_pool(reads), {0}, volume_options({6, 5, 4}),
                                    SampleMode::kTrain);
  const Sample volume = whole.get(0);
  const torch::Tensor labels = volume.targets.at(kSegmentation).labels;
  std::array<std::int64_t, 3> first{};
  int moved = 0;
  for (std::int64_t number = 0; number < 8; ++number) {
    const Sample patch = patches.get(0, {0, number});
    const auto place = place_in(volume.image, patch.image);
    ASSERT_GE(place[0], 0);
    EXPECT_TRUE(torch::equal(patch.targets.at(kSegmentation).labels,
                             cut(labels, Box{place, {6, 5, 4}}, 0)));
    if (number > 0 && place != first) ++moved;
    first = place;
  }
  EXPECT_GT(moved, 0);
}

TEST(VolumeDataset, PatchesAroundForegroundHoldSome) {
  Reads reads;
  SampleOptions options = volume_options({4, 4, 3});
  options.patch.foreground = 1;
  const SegmentationDataset dataset(volume_pool(reads), {0}, options, SampleMode::kTrain);
  for (std::int64_t number = 0; number < 8; ++number)
    EXPECT_GT(dataset.get(3, {0, number}).targets.at(kSegmentation).labels.sum().item<double>(), 0);
}

TEST(VolumeDataset, KeptOrReadByBoxesAPatchIsTheSame) {
  Reads kept, boxes;
  const SampleOptions options = volume_options({5, 6, 4});
  const SegmentationDataset from_memory(volume_pool(kept, 1 << 20), {0, 1}, options,
                                        SampleMode::kTrain);
  const SegmentationDataset from_disk(volume_pool(boxes), {0, 1}, options, SampleMode::kTrain);
  for (std::int64_t number = 0; number < 4; ++number)
    EXPECT_TRUE(
        torch::equal(from_memory.get(0, {1, number}).image, from_disk.get(0, {1, number}).image));
  EXPECT_EQ(kept.whole, 1);
  EXPECT_EQ(kept.boxes, 0);
  EXPECT_EQ(boxes.whole, 1);  // once, for mean and deviation
  EXPECT_EQ(boxes.boxes, 8);  // labels and voxels of each patch
}

TEST(VolumeDataset, AVolumeSmallerThanThePatchLiesInItsMiddle) {
  Reads reads;
  const SegmentationDataset dataset(volume_pool(reads), {0},
                                    volume_options({kHeight + 4, kWidth, kDepth + 1}),
                                    SampleMode::kTrain);
  const Sample patch = dataset.get(0);
  EXPECT_EQ(patch.image.sizes().vec(),
            (std::vector<std::int64_t>{2, kDepth + 1, kHeight + 4, kWidth}));
  const torch::Tensor labels = patch.targets.at(kSegmentation).labels;
  EXPECT_EQ(labels.eq(kIgnored).sum().item<std::int64_t>(),
            labels.numel() - kDepth * kHeight * kWidth);
}

TEST(VolumeDataset, AugmentedPatchesHaveTheirSizeAndFollowFromTheDraw) {
  Reads reads;
  SampleOptions options = volume_options({8, 8, 6});
  AugmentationOptions turn;
  turn.probability = 1;
  options.augmentation = make_augmentation("flip_rotate", turn);
  const SegmentationDataset dataset(volume_pool(reads), {0}, options, SampleMode::kTrain);
  const Sample one = dataset.get(2, {0, 1});
  EXPECT_EQ(one.image.sizes().vec(), (std::vector<std::int64_t>{2, 6, 8, 8}));
  EXPECT_TRUE(torch::equal(one.image, dataset.get(2, {0, 1}).image));
  EXPECT_FALSE(torch::equal(one.image, dataset.get(3, {0, 1}).image));
}

std::string volume_refusal(const SampleOptions& options) {
  Reads reads;
  try {
    const SegmentationDataset dataset(volume_pool(reads), {0}, options, SampleMode::kTrain);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(VolumeDataset, WhatVolumesCannotBeIsRefused) {
  SampleOptions options = volume_options({8, 8});
  EXPECT_NE(volume_refusal(options).find("[depth, height, width]"), std::string::npos);
  options = volume_options();
  options.resize = ResizeMode::kStretch;
  options.size = {8, 8};
  EXPECT_NE(volume_refusal(options).find("[resize] of volumes"), std::string::npos);
  options = volume_options();
  options.objects = ObjectSource::kComponent;
  EXPECT_NE(volume_refusal(options).find("[objects] of volumes"), std::string::npos);
  options = volume_options();
  options.color_mode = "rgb";
  EXPECT_NE(volume_refusal(options).find("2 channels"), std::string::npos);
}

TEST(VolumeDataset, ImagesAndVolumesDoNotShareAPool) {
  Reads reads;
  PoolMember images = volume_member(reads);
  images.name = "slices";
  images.dimension = 2;
  EXPECT_THROW(DataPool({volume_member(reads), images}), std::invalid_argument);
}

TEST(VolumeBatch, IsPaddedBehindToACommonSize) {
  Sample small, large;
  small.image = torch::ones({1, 3, 4, 5});
  small.targets[kSegmentation].labels = torch::ones({3, 4, 5}, torch::kLong);
  large.image = torch::ones({1, 5, 4, 7});
  large.targets[kSegmentation].labels = torch::ones({5, 4, 7}, torch::kLong);
  const Batch batch = collate({small, large}, 4);
  EXPECT_EQ(batch.images.sizes().vec(), (std::vector<std::int64_t>{2, 1, 8, 4, 8}));
  EXPECT_EQ(batch.images.sum().item<double>(), 60 + 140);
  EXPECT_EQ(batch.sizes[0], (Extent{4, 5, 3}));
  const torch::Tensor labels = batch.targets[0].at(kSegmentation).labels;
  EXPECT_EQ(labels.sizes().vec(), (std::vector<std::int64_t>{8, 4, 8}));
  EXPECT_EQ(labels.eq(kIgnored).sum().item<std::int64_t>(), 8 * 4 * 8 - 60);
}

TEST(VolumeBatch, OfNoSamplesKnowsItsDimensionFromTheOthers) {
  EXPECT_EQ(collate({}, 4, 2, {8, 8, 8}).images.sizes().vec(),
            (std::vector<std::int64_t>{0, 2, 4, 4, 4}));
  EXPECT_EQ(collate({}, 4, 2, {8, 8}).images.dim(), 4);
}

}  // namespace
}  // namespace medsweep::datasets
