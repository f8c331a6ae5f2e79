#include "datasets/batch.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

namespace medsweep::datasets {
namespace {

Batch three_samples() {
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < 3; ++i) {
    Sample sample;
    sample.image = torch::full({1, 2, 2}, i);
    sample.id.index = i;
    sample.random_key = static_cast<std::uint64_t>(10 + i);
    sample.targets[kSegmentation] = {torch::full({2, 2}, i, torch::kLong)};
    samples.push_back(sample);
  }
  return collate(samples, 1, 1);
}

TEST(BatchSlice, HasAllOfItsSamplesAndNoOther) {
  const Batch part = slice(three_samples(), 1, 3);
  ASSERT_EQ(part.size(), 2);
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_TRUE(part.images[i].eq(i + 1).all().item<bool>());
    EXPECT_TRUE(part.targets[at].at(kSegmentation).labels.eq(i + 1).all().item<bool>());
    EXPECT_EQ(part.samples[at].index, i + 1);
    EXPECT_EQ(part.random_keys[at], static_cast<std::uint64_t>(11 + i));
  }
  EXPECT_EQ(slice(part, 1, 1).size(), 0);
}

TEST(BatchSlice, RefusesSamplesThatAreNotThere) {
  EXPECT_THROW(slice(three_samples(), 1, 4), std::invalid_argument);
  EXPECT_THROW(slice(three_samples(), -1, 2), std::invalid_argument);
  EXPECT_THROW(slice(three_samples(), 2, 1), std::invalid_argument);
  Batch without_keys = three_samples();
  without_keys.random_keys.clear();
  EXPECT_THROW(slice(without_keys, 0, 1), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
