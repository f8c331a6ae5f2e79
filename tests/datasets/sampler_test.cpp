#include "datasets/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

TEST(PartOf, PartsAreContiguousAndDifferByAtMostOne) {
  for (std::int64_t count = 0; count < 20; ++count)
    for (std::int64_t parts = 1; parts < 7; ++parts) {
      std::int64_t next = 0;
      for (std::int64_t part = 0; part < parts; ++part) {
        const auto [first, last] = part_of(count, part, parts);
        EXPECT_EQ(first, next);
        EXPECT_GE(last - first, count / parts);
        EXPECT_LE(last - first, (count + parts - 1) / parts);
        next = last;
      }
      EXPECT_EQ(next, count);
    }
}

TEST(Sampler, AnEpochHasEverySampleOnceInAnOrderThatTheEpochAndSeedChange) {
  const Sampler sampler(50, {.seed = 3, .batch_size = 8});
  auto order = sampler.epoch_order(2);
  EXPECT_EQ(order, sampler.epoch_order(2));
  EXPECT_NE(order, sampler.epoch_order(3));
  EXPECT_NE(order, Sampler(50, {.seed = 4, .batch_size = 8}).epoch_order(2));
  std::set<std::int64_t> seen;
  for (const Draw& draw : order) {
    EXPECT_EQ(draw.number, 0);
    seen.insert(draw.sample);
  }
  EXPECT_EQ(seen.size(), 50U);
  EXPECT_EQ(order.size(), 50U);
}

TEST(Sampler, TheGlobalBatchIsTheSameForEveryNumberOfShards) {
  const Sampler sampler(30, {.seed = 1, .batch_size = 7});
  for (std::int64_t step = 0; step < sampler.steps(); ++step) {
    const auto [first, last] = sampler.global_batch(step);
    for (const std::int64_t shards : {1, 2, 4}) {
      std::int64_t next = first;
      for (std::int64_t k = 0; k < shards; ++k) {
        const auto [begin, end] = sampler.shard(step, k, shards);
        EXPECT_EQ(begin, next);
        next = end;
      }
      EXPECT_EQ(next, last) << shards << " shards, step " << step;
    }
  }
}

TEST(Sampler, TheLastBatchIsKeptOrDropped) {
  const Sampler keep(10, {.batch_size = 4});
  EXPECT_EQ(keep.steps(), 3);
  EXPECT_EQ(keep.global_batch(2), (std::pair<std::int64_t, std::int64_t>{8, 10}));
  const Sampler drop(10, {.batch_size = 4, .last_batch = LastBatch::kDrop});
  EXPECT_EQ(drop.steps(), 2);
  EXPECT_THROW(drop.global_batch(2), std::out_of_range);
}

TEST(Sampler, InOrderIsForEvaluation) {
  const Sampler sampler(3, {.batch_size = 2, .order = SampleOrder::kInOrder});
  EXPECT_EQ(sampler.epoch_order(5), (std::vector<Draw>{{0, 0}, {1, 0}, {2, 0}}));
}

TEST(Sampler, PatchesOfAnImageAreNumberedDraws) {
  const Sampler sampler(5, {.batch_size = 2, .draws_per_sample = 3});
  std::map<std::int64_t, std::set<std::int64_t>> numbers;
  for (const Draw& draw : sampler.epoch_order(0)) numbers[draw.sample].insert(draw.number);
  ASSERT_EQ(numbers.size(), 5U);
  for (const auto& [sample, set] : numbers) EXPECT_EQ(set, (std::set<std::int64_t>{0, 1, 2}));
}

TEST(Sampler, SharesGetTheirWeightOfAnEpoch) {
  const Sampler sampler({{10, 0.5}, {80, 0.2}, {10, 0.3}}, {.seed = 9, .batch_size = 8});
  const auto order = sampler.epoch_order(0);
  ASSERT_EQ(order.size(), 100U);
  std::map<std::int64_t, std::int64_t> times;
  std::map<int, int> by_share;
  std::set<std::pair<std::int64_t, std::int64_t>> distinct;
  for (const Draw& draw : order) {
    ++times[draw.sample];
    ++by_share[draw.sample < 10 ? 0 : draw.sample < 90 ? 1 : 2];
    distinct.insert({draw.sample, draw.number});
  }
  EXPECT_EQ(by_share, (std::map<int, int>{{0, 50}, {1, 20}, {2, 30}}));
  for (std::int64_t i = 0; i < 10; ++i) EXPECT_EQ(times[i], 5);
  for (std::int64_t i = 90; i < 100; ++i) EXPECT_EQ(times[i], 3);
  EXPECT_EQ(distinct.size(), 100U);
}

TEST(Sampler, ABatchThatLeavesARankWithoutASampleIsRefused) {
  const Sampler ragged(9, {.batch_size = 4});
  EXPECT_NO_THROW(ragged.check_shards(1));
  try {
    ragged.check_shards(2);
    FAIL() << "a rank without a sample was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(
        error.what(),
        "[sampler] the last batch of 1 leaves some of 2 ranks without a sample; last_batch "
        "= \"drop\" or a batch_size whose remainder of 9 is at least 2 is allowed");
  }
  EXPECT_NO_THROW(Sampler(9, {.batch_size = 4, .last_batch = LastBatch::kDrop}).check_shards(4));
  EXPECT_THROW(Sampler(9, {.batch_size = 3}).check_shards(4), std::invalid_argument);
  EXPECT_NO_THROW(Sampler(9, {.batch_size = 4, .empty_shard = EmptyShard::kAllow}).check_shards(4));
}

TEST(Sampler, ImpossibleOptionsAreRefused) {
  EXPECT_THROW(Sampler(0, {}), std::invalid_argument);
  EXPECT_THROW(Sampler(3, {.batch_size = 0}), std::invalid_argument);
  EXPECT_THROW(Sampler({{3, 0.0}}, {}), std::invalid_argument);
  EXPECT_THROW(Sampler(3, {.batch_size = 4, .last_batch = LastBatch::kDrop}),
               std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
