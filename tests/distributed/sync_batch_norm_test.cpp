#include <gtest/gtest.h>
#include <mpi.h>
#include <torch/torch.h>

#include <numeric>

#include "models/layers/batch_norm.h"
#include "runner/distributed/mpi_communicator.h"

namespace medsweep::models {
namespace {

/// How many samples each rank has, and the type of the features.
struct Spread {
  std::vector<std::int64_t> samples;
  at::ScalarType type = torch::kFloat;
  at::MemoryFormat format = at::MemoryFormat::ChannelsLast;
};

class SynchronizedBatchNormTest : public testing::Test {
 protected:
  std::unique_ptr<runner::Communicator> world_ = runner::mpi_communicator(MPI_COMM_WORLD);
  c10::intrusive_ptr<c10d::ProcessGroup> group_ =
      world_->process_group(runner::CollectiveThread::kCaller);
  std::size_t rank_ = static_cast<std::size_t>(world_->rank());
  std::size_t size_ = static_cast<std::size_t>(world_->size());

  static constexpr std::int64_t kChannels = 5;

  static BatchNorm2d make(BatchStatistics statistics) {
    BatchNorm2d layer(BatchNorm2dOptions{.channels = kChannels, .statistics = statistics});
    torch::NoGradGuard no_grad;
    torch::manual_seed(1);
    for (auto& parameter : layer->parameters()) parameter.copy_(torch::randn(kChannels));
    return layer;
  }

  torch::Tensor sum(const torch::Tensor& mine) {
    std::vector<torch::Tensor> tensors{mine.clone()};
    if (size_ > 1) group_->allreduce(tensors)->wait();
    return tensors[0];
  }

  void expect_equal_to_one_rank(const Spread& spread) {
    const std::int64_t total = std::accumulate(spread.samples.begin(), spread.samples.end(), 0L);
    const std::int64_t first = std::accumulate(
        spread.samples.begin(), spread.samples.begin() + static_cast<std::ptrdiff_t>(rank_), 0L);
    const std::int64_t mine = spread.samples[rank_];
    torch::manual_seed(2);
    const auto batch =
        (10 + 3 * torch::randn({total, kChannels, 6, 4})).to(spread.type).contiguous(spread.format);
    const auto gradient =
        torch::randn({total, kChannels, 6, 4}).to(spread.type).contiguous(spread.format);

    BatchNorm2d whole = make(BatchStatistics::kSynchronized);
    const torch::Tensor whole_in = batch.clone().requires_grad_();
    const torch::Tensor whole_out = whole->forward(whole_in);
    whole_out.backward(gradient);

    BatchNorm2d ours = make(BatchStatistics::kSynchronized);
    set_process_group(*ours, group_);
    const torch::Tensor in =
        batch.narrow(0, first, mine).clone(at::MemoryFormat::Preserve).requires_grad_();
    const torch::Tensor out = ours->forward(in);
    out.backward(gradient.narrow(0, first, mine));

    const double tolerance = spread.type == torch::kFloat ? 2e-5 : 2e-2;
    const auto near = [&](const torch::Tensor& a, const torch::Tensor& b) {
      return torch::allclose(a.to(torch::kFloat), b.to(torch::kFloat), tolerance, tolerance);
    };
    EXPECT_EQ(out.scalar_type(), spread.type);
    EXPECT_TRUE(near(out, whole_out.narrow(0, first, mine)));
    EXPECT_TRUE(near(in.grad(), whole_in.grad().narrow(0, first, mine)));
    for (const auto& parameter : whole->named_parameters())
      EXPECT_TRUE(
          near(sum(ours->named_parameters()[parameter.key()].grad()), parameter.value().grad()))
          << parameter.key();
    for (const auto& item : whole->named_buffers())
      EXPECT_TRUE(torch::allclose(ours->named_buffers()[item.key()].to(torch::kFloat),
                                  item.value().to(torch::kFloat), 1e-5, 1e-5))
          << item.key();
  }
};

TEST_F(SynchronizedBatchNormTest, RanksTogetherEqualOneRankOnTheJoinedBatch) {
  expect_equal_to_one_rank({std::vector<std::int64_t>(size_, 2)});
  expect_equal_to_one_rank({.samples = std::vector<std::int64_t>(size_, 2),
                            .type = torch::kFloat,
                            .format = at::MemoryFormat::Contiguous});
  expect_equal_to_one_rank({std::vector<std::int64_t>(size_, 2), torch::kBFloat16});
}

TEST_F(SynchronizedBatchNormTest, RaggedRanksCountByTheirSamples) {
  std::vector<std::int64_t> samples{3, 1, 4, 2};
  samples.resize(size_);
  expect_equal_to_one_rank({samples});
}

TEST_F(SynchronizedBatchNormTest, ARankWithoutSamplesJoins) {
  std::vector<std::int64_t> samples{3, 0, 1, 0};
  samples.resize(size_);
  expect_equal_to_one_rank({samples});
  expect_equal_to_one_rank({samples, torch::kBFloat16});
}

TEST_F(SynchronizedBatchNormTest, OneValueInAllIsRefusedOnAllRanks) {
  BatchNorm2d layer = make(BatchStatistics::kSynchronized);
  set_process_group(*layer, group_);
  const torch::Tensor input = torch::zeros({rank_ == 0 ? 1 : 0, kChannels, 1, 1});
  EXPECT_THROW(layer->forward(input), std::invalid_argument);
}

TEST_F(SynchronizedBatchNormTest, PerShardRunningStatisticsAreTheMeanOverAllRanksShards) {
  BatchNorm2d layer = make(BatchStatistics::kPerShard);
  set_process_group(*layer, group_);
  torch::Tensor mean = torch::zeros(kChannels), variance = torch::zeros(kChannels);
  // Rank r has r + 1 shards: the mean counts shards, not ranks.
  double shards = 0;
  for (std::size_t rank = 0; rank < size_; ++rank)
    for (std::size_t i = 0; i <= rank; ++i, ++shards) {
      torch::manual_seed(10 * rank + i);
      const torch::Tensor input = torch::randn({2, kChannels, 3, 3}) + static_cast<double>(rank);
      mean += input.mean({0, 2, 3});
      variance += input.var({0, 2, 3}, true, false);
      if (rank == rank_) layer->forward(input);
    }
  finish_step(*layer, group_);
  EXPECT_TRUE(
      torch::allclose(layer->named_buffers()["running_mean"], 0.1 * mean / shards, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(layer->named_buffers()["running_var"], 0.9 + 0.1 * variance / shards,
                              1e-5, 1e-6));
}

}  // namespace
}  // namespace medsweep::models
