// The stream of training batches is a function of seed, epoch and sample alone.

#include <gtest/gtest.h>

#include <numeric>

#include "base/digest.h"
#include "datasets/augmentation/augmentation.h"
#include "datasets/loader.h"
#include "datasets/segmentation_dataset.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

class StreamTest : public testing::Test {
 protected:
  StreamTest() {
    write_made_file(folder_ / "a.h5", 10);
    pool_ = std::make_shared<DataPool>(
        std::vector{pool_member(std::make_shared<const DataFile>(folder_ / "a.h5"))});
  }

  /// The digest of every sample of two epochs, in the order of the global batches, from a step on.
  std::vector<std::string> digests(std::int64_t threads, std::int64_t ranks,
                                   std::int64_t first_step = 0) const {
    std::vector<std::int64_t> indices(pool_->samples().size());
    std::iota(indices.begin(), indices.end(), 0);
    SampleOptions options;
    options.color_mode = "gray";
    options.normalization = "zscore";
    options.augmentation = make_augmentation("flip_rotate");
    options.seed = 7;
    const SegmentationDataset samples(pool_, indices, options, SampleMode::kTrain);
    const Sampler sampler(samples.size(), {.seed = 7, .batch_size = 5});
    std::vector<std::vector<std::string>> of_rank;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      Loader loader(
          sampler,
          [&](std::int64_t epoch, const Draw& draw, const torch::Tensor& image) {
            return samples.get(epoch, draw, image);
          },
          {.threads = threads,
           .prefetch = 3,
           .epochs = 2,
           .shards = ranks,
           .first_shard = rank,
           .last_shard = rank + 1},
          [&](const Draw& draw) { return samples.extent(draw.sample); });
      loader.seek(first_step / sampler.steps(), first_step % sampler.steps());
      std::size_t step = 0;
      for (auto loaded = loader.next(); loaded; loaded = loader.next(), ++step) {
        if (of_rank.size() <= step) of_rank.emplace_back();
        for (std::int64_t i = 0; i < loaded->batch.size(); ++i)
          of_rank[step].push_back(digest_of_one(loaded->batch, i));
      }
    }
    std::vector<std::string> all;
    for (const auto& step : of_rank) all.insert(all.end(), step.begin(), step.end());
    return all;
  }

 private:
  static std::string digest_of_one(const Batch& batch, std::int64_t i) {
    const torch::Tensor image = batch.images[i].contiguous();
    const torch::Tensor labels =
        batch.targets[static_cast<std::size_t>(i)].at(kSegmentation).labels.contiguous();
    return Sha256()
        .update(batch.samples[static_cast<std::size_t>(i)].name)
        .update(image.const_data_ptr(), image.nbytes())
        .update(labels.const_data_ptr(), labels.nbytes())
        .hex();
  }

  TemporaryFolder folder_;
  std::shared_ptr<DataPool> pool_;
};

TEST_F(StreamTest, IsTheSameWithOneThreadAndEight) {
  const auto one = digests(1, 1);
  EXPECT_EQ(one.size(), 20U);
  EXPECT_EQ(digests(8, 1), one);
  EXPECT_EQ(digests(0, 1), one);
}

TEST_F(StreamTest, IsTheSameOnOneRankAndOnFour) { EXPECT_EQ(digests(2, 4), digests(2, 1)); }

TEST_F(StreamTest, IsTheSameBeforeAndAfterAResume) {
  const auto whole = digests(2, 1);
  for (const std::int64_t step : {1, 2, 3}) {
    const auto rest = digests(2, 1, step);
    EXPECT_EQ(rest, std::vector(whole.end() - std::ssize(rest), whole.end()));
    EXPECT_LT(rest.size(), whole.size());
  }
}

TEST_F(StreamTest, DiffersFromEpochToEpoch) {
  const auto whole = digests(1, 1);
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(std::count(whole.begin() + 10, whole.end(), whole[i]), 0);
}

}  // namespace
}  // namespace medsweep::datasets
