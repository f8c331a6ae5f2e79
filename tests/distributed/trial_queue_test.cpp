#include "runner/distributed/trial_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <sstream>
#include <thread>

#include "runner/distributed/groups.h"
#include "runner/distributed/mpi_communicator.h"

namespace medsweep::runner {
namespace {

using std::chrono::milliseconds;

class TrialQueueTest : public testing::Test {
 protected:
  std::unique_ptr<Communicator> world_ = mpi_communicator(MPI_COMM_WORLD);
  int rank_ = world_->rank(), size_ = world_->size();

  /// What every rank took, on rank 0.
  std::vector<std::vector<std::int64_t>> gather(const std::vector<std::int64_t>& mine) {
    std::ostringstream text;
    for (const auto trial : mine) text << trial << ' ';
    std::vector<std::vector<std::int64_t>> all;
    for (const auto& line : world_->gather(text.str())) {
      std::istringstream stream(line);
      all.emplace_back(std::istream_iterator<std::int64_t>(stream),
                       std::istream_iterator<std::int64_t>());
    }
    return all;
  }
};

TEST_F(TrialQueueTest, EveryTrialGoesToExactlyOneGroupInOrder) {
  const std::vector<std::int64_t> trials{7, 3, 11, 2, 5, 13, 17, 1};
  std::vector<std::int64_t> mine;
  {
    const auto queue =
        world_->trial_queue(rank_ == 0 ? trials : std::vector<std::int64_t>{}, size_);
    while (const auto trial = queue->next()) mine.push_back(*trial);
  }
  std::vector<std::int64_t> all;
  for (const auto& part : gather(mine)) {
    auto position = trials.begin();
    for (const auto trial : part) {
      position = std::find(position, trials.end(), trial);
      ASSERT_NE(position, trials.end()) << trial << " came out of order";
      all.push_back(trial);
    }
  }
  if (rank_ == 0) {
    EXPECT_THAT(all, testing::UnorderedElementsAreArray(trials));
  }
}

TEST_F(TrialQueueTest, ABusyGroupHoldsUpNobody) {
  if (size_ < 2) GTEST_SKIP() << "one group waits for nobody";
  std::vector<std::int64_t> mine;
  {
    const auto queue = world_->trial_queue({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, size_);
    while (const auto trial = queue->next()) {
      mine.push_back(*trial);
      // Rank 0 trains for long; its thread goes on serving.
      std::this_thread::sleep_for(rank_ == 0 ? milliseconds(1500) : milliseconds(20));
    }
  }
  const auto all = gather(mine);
  if (rank_ == 0) {
    EXPECT_LE(all[0].size(), 2u);
  }
}

TEST_F(TrialQueueTest, OnlyLeadersAskAndIdleRanksEndAtOnce) {
  auto groups = split_into_groups(*world_, std::min(size_, 3));
  EXPECT_EQ(groups.count, 1);
  EXPECT_EQ(groups.idle_ranks.size(), std::size_t(size_ - std::min(size_, 3)));
  EXPECT_EQ(groups.mine == nullptr, rank_ == 3);
  std::vector<std::int64_t> mine;
  {
    const auto queue = world_->trial_queue({4, 5}, groups.count);
    if (groups.mine && groups.mine->rank() == 0)
      while (const auto trial = queue->next()) mine.push_back(*trial);
  }
  const auto all = gather(mine);
  if (rank_ == 0) {
    EXPECT_THAT(all[0], testing::ElementsAre(4, 5));
  }
}

TEST_F(TrialQueueTest, AfterACancelOnAnyRankNothingIsHandedOut) {
  std::vector<std::int64_t> trials(1000);
  std::vector<std::int64_t> mine;
  {
    const auto queue = world_->trial_queue(trials, size_);
    if (rank_ == size_ - 1) queue->cancel();
    while (const auto trial = queue->next()) {
      mine.push_back(*trial);
      std::this_thread::sleep_for(milliseconds(20));
    }
  }
  EXPECT_LT(mine.size(), 100u);
}

TEST_F(TrialQueueTest, AnEmptyListTellsEverybodyThatNothingIsLeft) {
  const auto queue = world_->trial_queue({}, size_);
  EXPECT_EQ(queue->next(), std::nullopt);
}

TEST_F(TrialQueueTest, MoreAskersThanRanksAreRefused) {
  EXPECT_THROW(world_->trial_queue({}, size_ + 1), std::invalid_argument);
}

TEST_F(TrialQueueTest, MoreRanksPerTrialThanRanksAreRefused) {
  try {
    split_into_groups(*world_, size_ + 1);
    FAIL() << "a group of more ranks than there are was made";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(error.what(), "[groups] --ranks-per-trial " + std::to_string(size_ + 1) + " with " +
                                std::to_string(size_) + " ranks; 1..." + std::to_string(size_) +
                                " is allowed");
  }
}

}  // namespace
}  // namespace medsweep::runner
