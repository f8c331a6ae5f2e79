#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <string>

#include "runner/distributed/groups.h"
#include "runner/distributed/launcher.h"
#include "runner/distributed/signals.h"
#include "runner/distributed/trial_queue.h"

namespace medsweep::runner {
namespace {

Launch launch_with(const std::map<std::string, std::string>& variables) {
  return detect_launch([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(DetectLaunch, KnowsWhoStartedTheProcess) {
  EXPECT_EQ(launch_with({}).launcher, Launcher::kAlone);
  EXPECT_EQ(launch_with({{"OMPI_COMM_WORLD_SIZE", "4"}}).launcher, Launcher::kMpirun);
  EXPECT_EQ(launch_with({{"OMPI_COMM_WORLD_SIZE", "4"}}).processes, 4);
  EXPECT_EQ(launch_with({{"PMIX_RANK", "0"}, {"SLURM_STEP_NUM_TASKS", "6"}}).launcher,
            Launcher::kPmix);
}

TEST(DetectLaunch, SlurmTasksWithoutPmixDoNotPassForAProcessAlone) {
  const auto launch = launch_with({{"SLURM_STEP_NUM_TASKS", "3"}, {"SLURM_PROCID", "1"}});
  EXPECT_EQ(launch.launcher, Launcher::kSlurmWithoutPmix);
  EXPECT_EQ(launch.processes, 3);
}

TEST(DetectLaunch, AJobScriptAndATaskAloneAreAlone) {
  EXPECT_EQ(launch_with({{"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "8"}}).launcher, Launcher::kAlone);
  EXPECT_EQ(launch_with({{"SLURM_STEP_NUM_TASKS", "1"}}).launcher, Launcher::kAlone);
}

TEST(AssignGroups, FillsTheRanksOfOneNodeFirst) {
  EXPECT_THAT(assign_groups({"a", "b", "a", "b"}, 2), testing::ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(assign_groups({"a", "a", "a", "b", "b", "b"}, 2),
              testing::ElementsAre(0, 0, 1, 2, 2, 1));
}

TEST(AssignGroups, RanksThatDoNotFillAGroupStayIdle) {
  EXPECT_THAT(assign_groups({"a", "a", "a", "a", "a"}, 2), testing::ElementsAre(0, 0, 1, 1, -1));
  EXPECT_THAT(assign_groups({"a"}, 2), testing::ElementsAre(-1));
}

TEST(AssignGroups, NumbersGroupsByTheirLowestRank) {
  EXPECT_THAT(assign_groups({"z", "a", "z", "a"}, 1), testing::ElementsAre(0, 1, 2, 3));
}

TEST(StopSignals, TheFirstSignalIsRememberedAndNothingElseHappens) {
  const StopSignals signals;
  EXPECT_EQ(stop_signal(), 0);
  std::raise(SIGUSR1);
  std::raise(SIGTERM);
  EXPECT_EQ(stop_signal(), SIGUSR1);
  EXPECT_EQ(signal_name(stop_signal()), "SIGUSR1");
}

TEST(StopSignals, EachBeginsWithoutASignal) {
  {
    const StopSignals signals;
    request_stop(SIGTERM);
    EXPECT_EQ(stop_signal(), SIGTERM);
  }
  const StopSignals signals;
  EXPECT_EQ(stop_signal(), 0);
}

TEST(StopSignals, TheHandlersFromBeforeComeBack) {
  struct sigaction before {
  }, after{};
  sigaction(SIGTERM, nullptr, &before);
  { const StopSignals signals; }
  sigaction(SIGTERM, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

TEST(StopSignalsDeathTest, ASecondInterruptEndsTheProcess) {
  EXPECT_EXIT(
      {
        const StopSignals signals;
        std::raise(SIGINT);
        if (stop_signal() != SIGINT) std::_Exit(1);
        std::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

TEST(SingleTrialQueue, HandsOutInOrderUntilCancelled) {
  const auto queue = single_trial_queue({4, 2, 9});
  EXPECT_EQ(queue->next(), 4);
  EXPECT_EQ(queue->next(), 2);
  queue->cancel();
  EXPECT_EQ(queue->next(), std::nullopt);
  const auto all = single_trial_queue({1});
  EXPECT_EQ(all->next(), 1);
  EXPECT_EQ(all->next(), std::nullopt);
}

TEST(SingleCommunicator, IsAGroupOfOne) {
  const auto alone = single_communicator();
  EXPECT_EQ(alone->size(), 1);
  EXPECT_EQ(alone->broadcast("text"), "text");
  EXPECT_THAT(alone->gather("text"), testing::ElementsAre("text"));
  EXPECT_EQ(alone->split(-1), nullptr);
  EXPECT_EQ(alone->split(3)->size(), 1);
  EXPECT_EQ(alone->process_group(CollectiveThread::kWorker), nullptr);
  EXPECT_THROW(alone->broadcast("text", 1), std::invalid_argument);
  const auto groups = split_into_groups(*alone, 1);
  EXPECT_EQ(groups.count, 1);
  EXPECT_THAT(groups.idle_ranks, testing::IsEmpty());
}

}  // namespace
}  // namespace medsweep::runner
