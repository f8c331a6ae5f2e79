#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "datasets/aspect_ratio.h"
#include "datasets/loader.h"

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kImages = 61, kBatch = 4;

/// 26 landscapes, 26 portraits and 9 panoramas, mixed.
Extent extent_of_image(std::int64_t image) {
  if (image % 7 == 3) return {16, 60};
  return (image * 3 + 11) % 64 < 32 ? Extent{20, 36} : Extent{36, 20};
}

std::vector<std::int64_t> groups_of_images() {
  std::vector<Extent> extents;
  for (std::int64_t i = 0; i < kImages; ++i) extents.push_back(extent_of_image(i));
  return aspect_ratio_groups(extents);
}

SamplerOptions grouped(std::uint64_t seed = 3) {
  return {.seed = seed, .batch_size = kBatch, .groups = groups_of_images()};
}

/// How many batches have samples of more than one group.
std::int64_t mixed_batches(const Sampler& sampler, std::int64_t epoch) {
  const auto groups = groups_of_images();
  const auto order = sampler.epoch_order(epoch);
  std::int64_t mixed = 0;
  for (std::int64_t step = 0; step < sampler.steps(); ++step) {
    const auto [first, last] = sampler.global_batch(step);
    std::set<std::int64_t> seen;
    for (auto i = first; i < last; ++i)
      seen.insert(groups[static_cast<std::size_t>(order[static_cast<std::size_t>(i)].sample)]);
    if (seen.size() > 1) ++mixed;
  }
  return mixed;
}

TEST(AspectRatioGroups, AreCutAtThirdsOfAPowerOfTwo) {
  // Between 0.5, 0.63, 0.794, 1, 1.26, 1.587 and 2.
  EXPECT_EQ(aspect_ratio_groups({{100, 49},
                                 {100, 50},
                                 {100, 62},
                                 {100, 64},
                                 {100, 80},
                                 {100, 100},
                                 {100, 126},
                                 {100, 158},
                                 {100, 159},
                                 {100, 199},
                                 {100, 200},
                                 {100, 900}}),
            (std::vector<std::int64_t>{0, 1, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7}));
  EXPECT_EQ(aspect_ratio_groups({{10, 4}, {10, 9}, {10, 10}, {10, 25}}, 1),
            (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_TRUE(aspect_ratio_groups({}).empty());
  EXPECT_THROW(aspect_ratio_groups({{10, 10}}, 0), std::invalid_argument);
  EXPECT_THROW(aspect_ratio_groups({{0, 10}}), std::invalid_argument);
}

TEST(GroupedSampler, AnEpochHasEverySampleOnce) {
  const Sampler sampler(kImages, grouped());
  std::set<std::int64_t> seen;
  for (const Draw& draw : sampler.epoch_order(1)) seen.insert(draw.sample);
  EXPECT_EQ(std::ssize(seen), kImages);
  EXPECT_EQ(std::ssize(sampler.epoch_order(1)), kImages);
  EXPECT_EQ(sampler.steps(), 16);
}

TEST(GroupedSampler, OnlyTheLastBatchesMixGroups) {
  const Sampler sampler(kImages, grouped());
  const Sampler plain(kImages, {.seed = 3, .batch_size = kBatch});
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    // Three groups leave at most three times three draws.
    EXPECT_LE(mixed_batches(sampler, epoch), 3);
    EXPECT_GT(mixed_batches(plain, epoch), 8);
  }
}

TEST(GroupedSampler, TheOrderFollowsFromSeedAndEpochAlone) {
  const Sampler sampler(kImages, grouped());
  EXPECT_EQ(sampler.epoch_order(2), Sampler(kImages, grouped()).epoch_order(2));
  EXPECT_NE(sampler.epoch_order(2), sampler.epoch_order(3));
  EXPECT_NE(sampler.epoch_order(2), Sampler(kImages, grouped(4)).epoch_order(2));
}

TEST(GroupedSampler, OneGroupIsTheOrderWithoutGroups) {
  SamplerOptions options = grouped();
  options.groups.assign(kImages, 7);
  EXPECT_EQ(Sampler(kImages, options).epoch_order(2),
            Sampler(kImages, {.seed = 3, .batch_size = kBatch}).epoch_order(2));
}

TEST(GroupedSampler, WhatIsDroppedIsNotOfTheSameGroupInEveryEpoch) {
  SamplerOptions options = grouped();
  options.last_batch = LastBatch::kDrop;
  const Sampler sampler(kImages, options);
  std::set<std::int64_t> dropped;
  for (std::int64_t epoch = 0; epoch < 30; ++epoch)
    dropped.insert(
        options.groups[static_cast<std::size_t>(sampler.epoch_order(epoch).back().sample)]);
  EXPECT_EQ(dropped.size(), 3U);
}

TEST(GroupedSampler, GroupsAreOneForEachSample) {
  EXPECT_THROW(Sampler(kImages + 1, grouped()), std::invalid_argument);
}

Sample image_of_draw(std::int64_t, const Draw& draw, const torch::Tensor& = {}) {
  const Extent extent = extent_of_image(draw.sample);
  Sample sample;
  sample.image =
      torch::full({1, extent.height, extent.width}, static_cast<double>(draw.sample + 1));
  sample.targets[kSegmentation].labels = torch::zeros({extent.height, extent.width}, torch::kInt64);
  sample.id.name = std::to_string(draw.sample);
  return sample;
}

std::vector<LoadedBatch> grouped_batches(const Sampler& sampler, LoaderOptions options,
                                         std::int64_t epoch = 0, std::int64_t step = 0) {
  Loader loader(sampler, image_of_draw, options,
                [](const Draw& draw) { return extent_of_image(draw.sample); });
  loader.seek(epoch, step);
  std::vector<LoadedBatch> batches;
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}

TEST(GroupedLoader, RanksTogetherHaveTheGlobalBatches) {
  const Sampler sampler(kImages - 1, [] {
    SamplerOptions options = grouped();
    options.groups.pop_back();
    return options;
  }());
  const auto whole = grouped_batches(sampler, {.threads = 0});
  for (const std::int64_t ranks : {2, 4}) {
    std::vector<std::vector<LoadedBatch>> parts;
    for (std::int64_t rank = 0; rank < ranks; ++rank)
      parts.push_back(grouped_batches(
          sampler, {.threads = 1, .shards = ranks, .first_shard = rank, .last_shard = rank + 1}));
    for (std::size_t step = 0; step < whole.size(); ++step) {
      std::vector<torch::Tensor> images;
      for (const auto& part : parts) images.push_back(part[step].batch.images);
      EXPECT_TRUE(torch::equal(torch::cat(images), whole[step].batch.images)) << ranks;
    }
  }
}

TEST(GroupedLoader, GoesOnInTheMiddleOfAnEpoch) {
  const Sampler sampler(kImages, grouped());
  const auto expected = grouped_batches(sampler, {.threads = 0, .epochs = 3});
  const auto resumed = grouped_batches(sampler, {.threads = 2, .epochs = 3}, 1, 5);
  ASSERT_EQ(resumed.size(), expected.size() - 21);
  for (std::size_t i = 0; i < resumed.size(); ++i)
    EXPECT_TRUE(torch::equal(resumed[i].batch.images, expected[21 + i].batch.images)) << i;
}

/// Pixels that are padding, of all in an epoch's batches.
double padded_share(const Sampler& sampler) {
  double padded = 0, all = 0;
  for (const LoadedBatch& loaded : grouped_batches(sampler, {.threads = 0})) {
    all += static_cast<double>(loaded.batch.images.numel());
    padded += (loaded.batch.images == 0).sum().item<double>();
  }
  return padded / all;
}

TEST(GroupedLoader, BatchesOfAlikeShapesPadLess) {
  const double plain = padded_share(Sampler(kImages, {.seed = 3, .batch_size = kBatch}));
  const double alike = padded_share(Sampler(kImages, grouped()));
  EXPECT_GT(plain, 0.4);
  EXPECT_LT(alike, 0.3 * plain);
}

}  // namespace
}  // namespace medsweep::datasets
