#include "runner/distributed/communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>
#include <torch/torch.h>

#include <ctime>
#include <thread>

#include "runner/distributed/mpi_backend.h"
#include "runner/distributed/mpi_channel.h"
#include "runner/distributed/mpi_communicator.h"

namespace medsweep::runner {
namespace {

using std::chrono::milliseconds;

class MpiCommunicatorTest : public testing::Test {
 protected:
  std::unique_ptr<Communicator> world_ = mpi_communicator(MPI_COMM_WORLD);
  int rank_ = world_->rank(), size_ = world_->size();
};

TEST_F(MpiCommunicatorTest, BroadcastGivesTheRootsTextToAllRanks) {
  for (int root = 0; root < size_; ++root) {
    const std::string mine = std::string(std::size_t(rank_ * 1000), 'x') + "of " +
                             std::to_string(rank_) + std::string(1, '\0') + "end";
    EXPECT_EQ(world_->broadcast(mine, root), std::string(std::size_t(root * 1000), 'x') + "of " +
                                                 std::to_string(root) + std::string(1, '\0') +
                                                 "end");
  }
}

TEST_F(MpiCommunicatorTest, ReductionsEqualTheirFormula) {
  std::vector<double> sum{double(rank_ + 1), -1.0}, max{double(-rank_), double(rank_)};
  world_->all_reduce_sum(sum);
  world_->all_reduce_max(max);
  EXPECT_THAT(sum, testing::ElementsAre(size_ * (size_ + 1) / 2.0, -size_));
  EXPECT_THAT(max, testing::ElementsAre(0.0, size_ - 1.0));
}

TEST_F(MpiCommunicatorTest, GatherKeepsTheOrderOfRanksAndEmptyTexts) {
  const std::string mine = rank_ % 2 ? "" : "rank " + std::to_string(rank_);
  const auto texts = world_->gather(mine, size_ - 1);
  if (rank_ != size_ - 1) {
    EXPECT_TRUE(texts.empty());
    return;
  }
  ASSERT_EQ(int(texts.size()), size_);
  for (int i = 0; i < size_; ++i)
    EXPECT_EQ(texts[std::size_t(i)], i % 2 ? "" : "rank " + std::to_string(i));
}

TEST_F(MpiCommunicatorTest, SplitOrdersAGroupByRankAndLeavesOutNegativeColours) {
  const auto group = world_->split(rank_ == size_ - 1 && size_ > 1 ? -1 : rank_ % 2);
  if (rank_ == size_ - 1 && size_ > 1) {
    EXPECT_EQ(group, nullptr);
    return;
  }
  EXPECT_EQ(group->rank(), rank_ / 2);
  std::vector<double> ranks{double(rank_)};
  group->all_reduce_max(ranks);
  EXPECT_EQ(int(ranks[0]) % 2, rank_ % 2);
}

TEST_F(MpiCommunicatorTest, ARootOutsideTheGroupIsRefused) {
  EXPECT_THROW(world_->broadcast("", size_), std::invalid_argument);
  EXPECT_THROW(world_->gather("", -1), std::invalid_argument);
}

TEST_F(MpiCommunicatorTest, AFailedCallNamesCallAndRank) {
  int nobody = 0;
  MpiChannel channel(MPI_COMM_WORLD, kNoLimit);
  try {
    check_mpi(MPI_Send(&nobody, 1, MPI_INT, size_ + 5, 0, channel.get()), "MPI_Send");
    FAIL() << "a message to nobody was sent";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()),
              "[mpi] rank " + std::to_string(rank_) + ": MPI_Send: MPI_ERR_RANK: invalid rank");
  }
}

class MpiBackendTest : public testing::Test {
 protected:
  std::unique_ptr<Communicator> world_ = mpi_communicator(MPI_COMM_WORLD);
  c10::intrusive_ptr<c10d::ProcessGroup> group_ =
      mpi_process_group(MPI_COMM_WORLD, std::chrono::seconds(60));
  int rank_ = world_->rank(), size_ = world_->size();

  void reduce(torch::Tensor& tensor, c10d::ReduceOp::RedOpType operation) {
    std::vector<torch::Tensor> tensors{tensor};
    c10d::AllreduceOptions options;
    options.reduceOp = operation;
    group_->allreduce(tensors, options)->wait();
  }
};

TEST_F(MpiCommunicatorTest, OneRankHasNoProcessGroup) {
  EXPECT_EQ(world_->process_group(CollectiveThread::kWorker) == nullptr, size_ == 1);
}

TEST_F(MpiBackendTest, AllReduceEqualsTheFormulaInEveryType) {
  for (const auto type :
       {torch::kFloat, torch::kDouble, torch::kBFloat16, torch::kInt, torch::kLong}) {
    // 3 million elements: several pieces, the last ragged.
    const torch::Tensor base = torch::arange(3'000'001).remainder(50);
    torch::Tensor sum = (base + rank_).to(type), max = (base * (rank_ + 1)).to(type);
    reduce(sum, c10d::ReduceOp::SUM);
    reduce(max, c10d::ReduceOp::MAX);
    EXPECT_TRUE(sum.equal((base * size_ + size_ * (size_ - 1) / 2).to(type))) << type;
    EXPECT_TRUE(max.equal((base * size_).to(type))) << type;
    if (!sum.is_floating_point()) continue;
    torch::Tensor average = torch::full({5}, double(rank_), type);
    reduce(average, c10d::ReduceOp::AVG);
    EXPECT_TRUE(average.equal(torch::full({5}, (size_ - 1) / 2.0, type))) << type;
  }
}

TEST_F(MpiBackendTest, BFloat16SumsKeepNotANumberAndRoundToNearestEven) {
  torch::Tensor values = torch::tensor({1.0, 0.0, 1e38}, torch::kFloat);
  if (rank_ == size_ - 1) values[1] = std::nan("");
  values = values.to(torch::kBFloat16);
  reduce(values, c10d::ReduceOp::SUM);
  EXPECT_EQ(values[0].item<float>(), float(size_));
  EXPECT_TRUE(std::isnan(values[1].item<float>()));
  EXPECT_EQ(std::isinf(values[2].item<float>()), size_ == 4);
}

TEST_F(MpiBackendTest, StridesDoNotMatter) {
  torch::Tensor tensor = (torch::arange(24).reshape({2, 3, 2, 2}) + rank_).to(torch::kFloat);
  torch::Tensor last = tensor.contiguous(torch::MemoryFormat::ChannelsLast);
  reduce(last, c10d::ReduceOp::SUM);
  EXPECT_TRUE(last.equal(tensor * size_ - rank_ * size_ + size_ * (size_ - 1) / 2));
}

TEST_F(MpiBackendTest, BroadcastAndGatherMoveEveryType) {
  for (const auto type : {torch::kBool, torch::kUInt8, torch::kHalf, torch::kLong}) {
    std::vector<torch::Tensor> one{torch::full({2, 3}, rank_ == size_ - 1, type)};
    group_->broadcast(one, {.rootRank = size_ - 1})->wait();
    EXPECT_TRUE(one[0].equal(torch::ones({2, 3}, type))) << type;
  }
  std::vector<torch::Tensor> input{torch::full({2, 2}, rank_)};
  std::vector<std::vector<torch::Tensor>> outputs(1);
  for (int i = 0; i < size_; ++i) outputs[0].push_back(torch::zeros({2, 2}, torch::kLong));
  group_->allgather(outputs, input)->wait();
  for (int i = 0; i < size_; ++i) EXPECT_TRUE(outputs[0][std::size_t(i)].eq(i).all().item<bool>());
  group_->barrier()->wait();
}

TEST_F(MpiBackendTest, TwoGroupsReduceAtTheSameTimeWithoutMixing) {
  const auto other = mpi_process_group(MPI_COMM_WORLD, std::chrono::seconds(60));
  std::vector<c10::intrusive_ptr<c10d::Work>> works;
  std::vector<torch::Tensor> first, second;
  for (int i = 0; i < 50; ++i) {
    first.push_back(torch::full({20'000}, 1.0));
    second.push_back(torch::full({3}, 2.0));
    std::vector<torch::Tensor> one{first.back()}, two{second.back()};
    works.push_back(group_->allreduce(one));
    works.push_back(other->allreduce(two));
  }
  for (const auto& work : works) work->wait();
  for (const auto& tensor : first) EXPECT_TRUE(tensor.eq(size_).all().item<bool>());
  for (const auto& tensor : second) EXPECT_TRUE(tensor.eq(2 * size_).all().item<bool>());
}

TEST_F(MpiBackendTest, WhatCannotBeReducedIsRefusedBeforeAnybodyWaits) {
  torch::Tensor flags = torch::ones({2}, torch::kBool), whole = torch::ones({2}, torch::kLong);
  EXPECT_THROW(reduce(flags, c10d::ReduceOp::SUM), std::invalid_argument);
  EXPECT_THROW(reduce(whole, c10d::ReduceOp::AVG), std::invalid_argument);
  EXPECT_THROW(reduce(whole, c10d::ReduceOp::PRODUCT), std::invalid_argument);
}

TEST_F(MpiBackendTest, TheCallerReducesAtOnceWhereThereIsNoWorker) {
  const auto at_once =
      mpi_process_group(MPI_COMM_WORLD, std::chrono::seconds(60), CollectiveThread::kCaller);
  for (int i = 1; i <= 20; ++i) {
    std::vector<torch::Tensor> one{torch::full({300'000}, double(i))};
    EXPECT_TRUE(at_once->allreduce(one)->isCompleted());
    EXPECT_TRUE(one[0].eq(i * size_).all().item<bool>());
  }
}

class MpiTimeoutTest : public MpiBackendTest,
                       public testing::WithParamInterface<CollectiveThread> {};
INSTANTIATE_TEST_SUITE_P(Threads, MpiTimeoutTest,
                         testing::Values(CollectiveThread::kWorker, CollectiveThread::kCaller));

TEST_P(MpiTimeoutTest, ReachesThisWorkAndAllAfterIt) {
  std::vector<torch::Tensor> one{torch::ones({4})};
  const auto slow = mpi_process_group(MPI_COMM_WORLD, milliseconds(300), GetParam());
  if (rank_ == 0 && size_ > 1) {
    const auto first = slow->allreduce(one), second = slow->allreduce(one);
    std::string missing;
    for (int i = 1; i < size_; ++i) missing += " " + std::to_string(i);
    const std::string expected = "[distributed] rank 0 of " + std::to_string(size_) +
                                 ": all_reduce #1: not within 0.3 s: ranks" + missing;
    for (const auto& work : {first, second}) try {
        work->wait();
        ADD_FAILURE() << "a collective that nobody joined ended";
      } catch (const CollectiveTimeout& error) {
        EXPECT_EQ(error.what(), expected);
      }
    EXPECT_TRUE(first->getFuture()->hasError());
    EXPECT_THROW(second->getFuture()->value(), std::runtime_error);
  }
  world_->barrier();
}

TEST_F(MpiBackendTest, ATimeoutNamesOnlyTheRanksThatDidNotCome) {
  if (size_ < 4) GTEST_SKIP() << "it takes some that come and one that does not";
  const auto slow = mpi_process_group(MPI_COMM_WORLD, milliseconds(800));
  if (rank_ != 2) {
    std::vector<torch::Tensor> one{torch::ones({4})};
    try {
      slow->allreduce(one)->wait();
      ADD_FAILURE() << "a collective that rank 2 did not join ended";
    } catch (const CollectiveTimeout& error) {
      EXPECT_THAT(error.what(), testing::EndsWith("all_reduce #1: not within 0.8 s: ranks 2"));
    }
  }
  world_->barrier();
}

TEST_F(MpiBackendTest, AWaitWithALimitEndsWhileTheWorkGoesOn) {
  if (size_ < 2) GTEST_SKIP() << "one rank waits for nobody";
  std::vector<torch::Tensor> one{torch::ones({4})};
  if (rank_ == 0) {
    const auto work = group_->allreduce(one);
    EXPECT_THROW(work->wait(milliseconds(50)), CollectiveTimeout);
    world_->barrier();
    EXPECT_TRUE(work->wait());
  } else {
    world_->barrier();
    group_->allreduce(one)->wait();
  }
  EXPECT_EQ(one[0][0].item<float>(), float(size_));
}

/// Processor time of this process.
double cpu_seconds() { return double(std::clock()) / CLOCKS_PER_SEC; }

TEST_F(MpiBackendTest, WhoWaitsLeavesTheCoreToTheOthers) {
  if (size_ < 2) GTEST_SKIP() << "one rank waits for nobody";
  std::vector<torch::Tensor> one{torch::ones({4})};
  const double before = cpu_seconds();
  if (rank_ != 0) std::this_thread::sleep_for(milliseconds(1000));
  group_->allreduce(one)->wait();
  const double used = cpu_seconds() - before;
  if (rank_ == 0) {
    EXPECT_LT(used, 0.25);
  }
}

}  // namespace
}  // namespace medsweep::runner
