#include "datasets/loader.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/random.h"

namespace medsweep::datasets {
namespace {

using std::chrono::steady_clock;

Extent extent_of_draw(const Draw& draw) { return {8 + draw.sample % 5, 6 + draw.sample % 3}; }

// Pixels are a function of the key alone; now and then a sample takes longer than its neighbours.
Sample random_sample(std::int64_t epoch, const Draw& draw, const torch::Tensor& = {}) {
  RandomStream stream({1, static_cast<std::uint64_t>(RandomUse::kAugmentation),
                       static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(draw.sample),
                       static_cast<std::uint64_t>(draw.number)});
  const Extent extent = extent_of_draw(draw);
  Sample sample;
  sample.image = torch::empty({1, extent.height, extent.width});
  for (std::int64_t i = 0; i < sample.image.numel(); ++i)
    sample.image.mutable_data_ptr<float>()[i] = static_cast<float>(stream.uniform());
  sample.targets[kSegmentation].labels =
      torch::full({extent.height, extent.width}, draw.sample, torch::kInt64);
  sample.id.name = fmt::format("s{}", draw.sample);
  if (draw.sample % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return sample;
}

std::vector<LoadedBatch> all_batches(const Sampler& sampler, LoaderOptions options,
                                     std::int64_t epoch = 0, std::int64_t step = 0) {
  Loader loader(sampler, random_sample, options, extent_of_draw);
  loader.seek(epoch, step);
  std::vector<LoadedBatch> batches;
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}

void expect_same(const LoadedBatch& a, const LoadedBatch& b) {
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.shards, b.shards);
  EXPECT_EQ(a.global_size, b.global_size);
  EXPECT_TRUE(torch::equal(a.batch.images, b.batch.images));
  ASSERT_EQ(a.batch.size(), b.batch.size());
  for (std::size_t i = 0; i < a.batch.samples.size(); ++i) {
    EXPECT_EQ(a.batch.samples[i].name, b.batch.samples[i].name);
    EXPECT_EQ(a.batch.sizes[i], b.batch.sizes[i]);
    EXPECT_TRUE(torch::equal(a.batch.targets[i].at(kSegmentation).labels,
                             b.batch.targets[i].at(kSegmentation).labels));
  }
}

TEST(Loader, GivesTheSameBytesWithAnyNumberOfThreads) {
  const Sampler sampler(22, {.seed = 2, .batch_size = 5});
  const auto expected = all_batches(sampler, {.threads = 0, .epochs = 3});
  ASSERT_EQ(expected.size(), 15U);
  EXPECT_EQ(expected[4].batch.size(), 2);
  for (const std::int64_t threads : {1, 3})
    for (const std::int64_t prefetch : {1, 4}) {
      const auto got =
          all_batches(sampler, {.threads = threads, .prefetch = prefetch, .epochs = 3});
      ASSERT_EQ(got.size(), expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) expect_same(got[i], expected[i]);
    }
}

TEST(Loader, RanksTogetherHaveTheGlobalBatchPaddedAlike) {
  const Sampler sampler(23, {.seed = 4, .batch_size = 8});
  const auto whole = all_batches(sampler, {.threads = 0});
  for (const std::int64_t ranks : {2, 4}) {
    std::vector<std::vector<LoadedBatch>> parts;
    for (std::int64_t rank = 0; rank < ranks; ++rank)
      parts.push_back(all_batches(
          sampler, {.threads = 2, .shards = ranks, .first_shard = rank, .last_shard = rank + 1}));
    for (std::size_t step = 0; step < whole.size(); ++step) {
      std::vector<torch::Tensor> images;
      for (const auto& part : parts) images.push_back(part[step].batch.images);
      EXPECT_TRUE(torch::equal(torch::cat(images), whole[step].batch.images)) << ranks;
    }
  }
}

TEST(Loader, ARanksShardsAreSlicesOfItsBatch) {
  const Sampler sampler(24, {.seed = 4, .batch_size = 10});
  const auto mine =
      all_batches(sampler, {.threads = 1, .shards = 4, .first_shard = 1, .last_shard = 3})[0];
  ASSERT_EQ(mine.shards, (std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 3}, {3, 5}}));
  const auto second =
      all_batches(sampler, {.threads = 1, .shards = 4, .first_shard = 2, .last_shard = 3})[0];
  EXPECT_TRUE(torch::equal(slice(mine.batch, 3, 5).images, second.batch.images));
  EXPECT_EQ(mine.global_size, 10);
}

TEST(Loader, BeginsAnywhere) {
  const Sampler sampler(22, {.seed = 2, .batch_size = 5});
  const auto expected = all_batches(sampler, {.threads = 0, .epochs = 3});
  for (const std::int64_t threads : {0, 2}) {
    const auto resumed = all_batches(sampler, {.threads = threads, .epochs = 3}, 1, 3);
    ASSERT_EQ(resumed.size(), 7U);
    for (std::size_t i = 0; i < resumed.size(); ++i) expect_same(resumed[i], expected[8 + i]);
  }
}

TEST(Loader, SeeksBackAndForthWhileThreadsAreAhead) {
  const Sampler sampler(22, {.seed = 2, .batch_size = 5});
  const auto expected = all_batches(sampler, {.threads = 0, .epochs = 3});
  Loader loader(sampler, random_sample, {.threads = 3, .prefetch = 3, .epochs = 3}, extent_of_draw);
  for (const std::int64_t at : {0, 11, 2, 2, 14, 5}) {
    loader.seek(at / 5, at % 5);
    expect_same(*loader.next(), expected[static_cast<std::size_t>(at)]);
  }
  loader.seek(3, 0);
  EXPECT_FALSE(loader.next().has_value());
  EXPECT_THROW(loader.seek(0, 5), std::out_of_range);
}

TEST(Loader, AnErrorReachesTheConsumerAtItsBatchAndTheStreamGoesOn) {
  const Sampler sampler(8, {.batch_size = 2, .order = SampleOrder::kInOrder});
  for (const std::int64_t threads : {0, 1, 3}) {
    Loader loader(sampler,
                  [](std::int64_t epoch, const Draw& draw, const torch::Tensor&) {
                    if (draw.sample == 3)
                      throw std::runtime_error("[acdc.h5] sample 's3' is damaged");
                    return random_sample(epoch, draw);
                  },
                  {.threads = threads});
    EXPECT_EQ(loader.next()->step, 0);
    try {
      loader.next();
      FAIL() << "the error was swallowed with " << threads << " threads";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "[acdc.h5] sample 's3' is damaged");
    }
    EXPECT_EQ(loader.next()->step, 2);
  }
}

TEST(Loader, AnImageThatFillsItsPlaceInTheBatchIsNotCopiedAndOthersArePadded) {
  const Sampler sampler(6, {.batch_size = 3, .order = SampleOrder::kInOrder});
  const auto extent = [](const Draw& draw) { return Extent{4, draw.sample == 5 ? 2 : 4}; };
  std::vector<bool> offered(6);
  std::vector<void*> given(6);
  Loader loader(
      sampler,
      [&](std::int64_t, const Draw& draw, const torch::Tensor& image) {
        const auto at = static_cast<std::size_t>(draw.sample);
        offered[at] = image.defined();
        Sample sample;
        const Extent size = extent(draw);
        sample.image = image.defined() ? image : torch::empty({1, size.height, size.width});
        sample.image.fill_(static_cast<double>(draw.sample));
        given[at] = sample.image.data_ptr();
        return sample;
      },
      {.threads = 0}, extent);
  const Batch first = loader.next()->batch, second = loader.next()->batch;
  EXPECT_EQ(offered, (std::vector<bool>{true, true, true, true, true, false}));
  EXPECT_EQ(first.images[1].data_ptr(), given[1]);
  EXPECT_TRUE(first.images[2].eq(2).all().item<bool>());
  EXPECT_TRUE(second.images[2].narrow(2, 0, 2).eq(5).all().item<bool>());
  EXPECT_TRUE(second.images[2].narrow(2, 2, 2).eq(0).all().item<bool>());
}

TEST(Loader, NeverRunsFurtherAheadThanAsked) {
  std::atomic<int> fetched = 0;
  const Sampler sampler(40, {.batch_size = 2});
  Loader loader(sampler,
                [&](std::int64_t epoch, const Draw& draw, const torch::Tensor&) {
                  ++fetched;
                  return random_sample(epoch, draw);
                },
                {.threads = 3, .prefetch = 3});
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(fetched, 2 * (1 + 3));
}

TEST(Loader, ThreadsComputeAloneAndLeaveTheConsumersThreadsAsTheyAre) {
  const int before = at::get_num_threads();
  std::mutex mutex;
  std::set<int> seen;
  const Sampler sampler(12, {.batch_size = 2});
  for (const std::int64_t threads : {0, 2}) {
    Loader loader(sampler,
                  [&](std::int64_t epoch, const Draw& draw, const torch::Tensor&) {
                    const std::scoped_lock lock(mutex);
                    seen.insert(at::get_num_threads());
                    return random_sample(epoch, draw);
                  },
                  {.threads = threads});
    while (loader.next()) {
    }
  }
  EXPECT_EQ(seen, std::set<int>{1});
  EXPECT_EQ(at::get_num_threads(), before);
}

TEST(Loader, IsDestroyedWhileItsThreadsAreAtWork) {
  const auto start = steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    Loader loader(Sampler(100, {.batch_size = 4}), random_sample, {.threads = 3, .prefetch = 8});
    loader.next();
  }
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(Loader, ARankMayBeLeftWithoutASampleOnlyWhereAsked) {
  const SamplerOptions refuse{.batch_size = 4};
  EXPECT_THROW(Loader(Sampler(5, refuse), random_sample, {.shards = 2}), std::invalid_argument);
  SamplerOptions allow = refuse;
  allow.empty_shard = EmptyShard::kAllow;
  for (const std::int64_t threads : {0, 2}) {
    const auto batches = all_batches(
        Sampler(5, allow),
        {.threads = threads, .channels = 3, .shards = 2, .first_shard = 1, .last_shard = 2});
    ASSERT_EQ(batches.size(), 2U);
    EXPECT_EQ(batches[1].batch.size(), 0);
    EXPECT_EQ(batches[1].batch.images.size(1), 3);
    EXPECT_EQ(batches[1].global_size, 1);
  }
}

TEST(Loader, ImpossibleOptionsAreRefused) {
  const Sampler sampler(5, {});
  EXPECT_THROW(Loader(sampler, random_sample, {.threads = -1}), std::invalid_argument);
  EXPECT_THROW(Loader(sampler, random_sample, {.prefetch = 0}), std::invalid_argument);
  EXPECT_THROW(Loader(sampler, random_sample, {.first_shard = 1, .last_shard = 1}),
               std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
