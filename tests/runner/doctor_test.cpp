#include "runner/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "runner/doctor/cgroup.h"
#include "runner/doctor/checks.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A folder that stands for "/".
class FakeRoot : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            (std::string("root-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    write("proc/meminfo", "MemFree: 1 kB\nMemTotal:       16384 kB\n");
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  fs::path root_;
};

TEST_F(FakeRoot, WithoutCgroupsTheNodeIsTheLimit) {
  const auto limits = read_limits(root_);
  EXPECT_EQ(limits.node_memory_bytes, 16384.0 * 1024);
  EXPECT_EQ(limits.memory_bytes, std::nullopt);
  EXPECT_EQ(limits.cores, std::nullopt);
}

TEST_F(FakeRoot, Version2TakesTheTightestLevel) {
  write("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
  write("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n");
  write("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/slurm/job_7/memory.max", "4000000\n");
  write("sys/fs/cgroup/slurm/job_7/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/slurm/memory.max", "9000000\n");
  const auto limits = read_limits(root_);
  EXPECT_EQ(limits.memory_bytes, 4000000.0);
  EXPECT_EQ(limits.cores, 1.5);
}

TEST_F(FakeRoot, Version1ReadsEachControllersFolder) {
  write("proc/self/cgroup", "12:cpuset:/\n4:memory:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/x\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2500000\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  const auto limits = read_limits(root_);
  EXPECT_EQ(limits.memory_bytes, 2500000.0);
  EXPECT_EQ(limits.cores, 4.0);
}

TEST_F(FakeRoot, AContainersOwnCgroupIsTheMountItself) {
  write("proc/self/cgroup", "0::/docker/abc\n");
  write("sys/fs/cgroup/memory.max", "3000000\n");
  EXPECT_EQ(read_limits(root_).memory_bytes, 3000000.0);
}

TEST_F(FakeRoot, AMeminfoWithoutATotalIsAnError) {
  write("proc/meminfo", "MemFree: 1 kB\n");
  EXPECT_THROW(read_limits(root_), std::runtime_error);
}

RankFacts rank_on(std::vector<int> cores, int threads, const std::string& node = "n1") {
  RankFacts facts;
  facts.place = {node, std::move(cores)};
  facts.threads = threads;
  facts.memory_bytes = 8.0 * 1024 * 1024 * 1024;
  facts.memory_source = "node";
  facts.launcher = "mpirun";
  facts.mpi_library = "Open MPI v4.1.4";
  facts.mpi_thread_level = "multiple";
  return facts;
}

TEST(CheckThreads, TwoRanksOnOneCoreAreAProblem) {
  for (const int threads : {0, 1}) {
    const auto finding = check_threads({rank_on({0}, threads), rank_on({0}, threads)});
    EXPECT_EQ(finding.severity, Severity::kProblem);
    EXPECT_EQ(finding.value, "n1: 2 ranks with 2 threads together on 1 core(s)");
    EXPECT_THAT(finding.remedy, HasSubstr("--bind-to none"));
  }
}

TEST(CheckThreads, MoreThreadsThanTheCoresOfARankAreAProblem) {
  const auto finding = check_threads({rank_on({0, 1}, 2), rank_on({5}, 4)});
  EXPECT_EQ(finding.severity, Severity::kProblem);
  EXPECT_EQ(finding.value, "rank 1 has 4 threads on 1 core(s): 5");
  EXPECT_EQ(finding.remedy,
            "mpirun: --bind-to none or --map-by slot:PE=4; srun: --cpus-per-task=4; or "
            "OMP_NUM_THREADS=1");
}

TEST(CheckThreads, ASharedMachineIsFineWhenItsThreadsAre) {
  EXPECT_EQ(check_threads({rank_on({0, 1}, 1), rank_on({0, 1}, 1)}).severity, Severity::kOk);
  EXPECT_EQ(check_threads({rank_on({0, 1}, 0), rank_on({0, 1}, 0)}).severity, Severity::kOk);
  EXPECT_EQ(check_threads({rank_on({0}, 1), rank_on({0}, 1, "n2")}).severity, Severity::kOk);
  const auto finding = check_threads({rank_on({0, 1}, 2), rank_on({0, 1}, 2)});
  EXPECT_EQ(finding.severity, Severity::kProblem);
  EXPECT_EQ(finding.remedy, "OMP_NUM_THREADS=1");
}

TEST(CheckThreads, AQuotaCountsAsFewerCores) {
  auto rank = rank_on({0, 1, 2, 3}, 4);
  EXPECT_EQ(check_threads({rank}).severity, Severity::kOk);
  rank.core_quota = 1.5;
  EXPECT_EQ(check_threads({rank}).value, "n1: 1 ranks with 4 threads together on 1.5 core(s)");
}

TEST(CheckMemory, TheFullestNodeDecides) {
  const double gib = 1024.0 * 1024 * 1024;
  const std::vector<RankFacts> facts{rank_on({0}, 1), rank_on({1}, 1, "n2"), rank_on({2}, 1, "n2")};
  EXPECT_EQ(check_memory(facts, 0).value, "n2: 8.0 GiB (node), 4.0 GiB for each of 2 ranks");
  EXPECT_EQ(check_memory(facts, 3 * gib).severity, Severity::kOk);
  EXPECT_EQ(check_memory(facts, 3.5 * gib).severity, Severity::kWarn);
  EXPECT_EQ(check_memory(facts, 5 * gib).severity, Severity::kProblem);
  EXPECT_THAT(check_memory(facts, 5 * gib).value, HasSubstr("a rank will take 5.0 GiB"));
}

TEST(CheckRanks, OneProcessInAJobOfManyTasksIsAWarning) {
  auto rank = rank_on({0}, 1);
  EXPECT_EQ(check_ranks({rank}).severity, Severity::kOk);
  rank.launcher = "alone";
  rank.slurm_tasks = 8;
  EXPECT_EQ(check_ranks({rank}).severity, Severity::kWarn);
  EXPECT_THAT(check_ranks({rank}).remedy, HasSubstr("--mpi=pmix"));
}

TEST(CheckMpiLibrary, WantsMultipleThreadsAndOneLibrary) {
  auto first = rank_on({0}, 1), second = first;
  EXPECT_EQ(check_mpi_library({first, second}).severity, Severity::kOk);
  second.mpi_library = "Open MPI v5.0.0";
  EXPECT_EQ(check_mpi_library({first, second}).severity, Severity::kProblem);
  first.mpi_thread_level = "serialized";
  EXPECT_EQ(check_mpi_library({first}).severity, Severity::kProblem);
}

TEST(CheckGpus, EveryRankShouldSeeAsMany) {
  auto with = rank_on({0}, 1), without = with;
  with.gpus = 1;
  EXPECT_EQ(check_gpus({with, with}).severity, Severity::kOk);
  EXPECT_EQ(check_gpus({without}).severity, Severity::kOk);
  EXPECT_EQ(check_gpus({with, without}).severity, Severity::kWarn);
}

TEST(CheckDisk, RoomAndFilesRunOutIndependently) {
  DiskFacts facts{.folder = "/data", .free_bytes = 100e9, .free_files = 500};
  EXPECT_EQ(check_disk(facts)[0].severity, Severity::kOk);
  EXPECT_EQ(check_disk(facts)[1].severity, Severity::kProblem);
  facts.free_bytes = 5e8;
  facts.free_files = 5000;
  EXPECT_EQ(check_disk(facts)[0].severity, Severity::kProblem);
  EXPECT_EQ(check_disk(facts)[1].severity, Severity::kWarn);
  facts.free_files.reset();
  EXPECT_EQ(check_disk(facts).size(), 1u);
}

TEST(ReadDiskFacts, AFolderThatIsNotYetThereHasItsParentsRoom) {
  const auto facts = read_disk_facts(fs::path(testing::TempDir()) / "not" / "there");
  EXPECT_TRUE(fs::equivalent(facts.folder, testing::TempDir()));
  EXPECT_GT(facts.free_bytes, 0);
}

TEST(CheckStorage, WhatBreaksJournalsMakesAFolderUnfit) {
  const StorageFacts good{.folder = "/data",
                          .rounds = 20,
                          .fsync_ms = 1,
                          .exclusive = 20,
                          .rename_ms = 1,
                          .reads = 50,
                          .whole_reads = 50,
                          .append_visible_ms = 3};
  const auto verdict = [](const StorageFacts& facts) { return check_storage(facts).back(); };
  EXPECT_EQ(verdict(good).value, "/data is fit for journals");
  EXPECT_EQ(verdict(good).severity, Severity::kOk);
  for (const int broken : {0, 1, 2}) {
    StorageFacts facts = good;
    if (broken == 0) facts.exclusive = 19;
    if (broken == 1) facts.whole_reads = 49;
    if (broken == 2) facts.append_visible_ms.reset();
    EXPECT_EQ(verdict(facts).value, "/data is not fit for journals") << broken;
    EXPECT_EQ(verdict(facts).severity, Severity::kProblem) << broken;
  }
}

TEST(MeasureStorage, ALocalFolderIsFitAndLeftAsItWas) {
  const fs::path folder = fs::path(testing::TempDir()) / "measure";
  fs::create_directories(folder);
  const auto world = single_communicator();
  const auto facts = measure_storage(*world, folder);
  EXPECT_EQ(facts.exclusive, facts.rounds);
  EXPECT_GT(facts.reads, 0);
  EXPECT_EQ(facts.whole_reads, facts.reads);
  EXPECT_LT(facts.append_visible_ms.value(), 5000);
  EXPECT_TRUE(fs::is_empty(folder));
  fs::remove_all(folder);
  EXPECT_THROW(measure_storage(*world, folder), std::invalid_argument);
}

TEST(RunDoctor, ReportsEveryTopicAsTextAndJson) {
  const auto world = single_communicator();
  const auto report =
      run_doctor(*world, {.runs = testing::TempDir(), .storage = testing::TempDir()});
  const auto json = to_json(report);
  std::set<std::string> topics;
  for (const auto& finding : json["findings"]) {
    topics.insert(finding["topic"].get<std::string>());
    EXPECT_EQ(finding["remedy"].get<std::string>().empty(), finding["severity"] == "ok");
  }
  EXPECT_THAT(topics, testing::ElementsAre("disk", "gpu", "memory", "mpi", "ranks", "storage",
                                           "threads", "versions"));
  EXPECT_EQ(json["severity"], to_string(report.severity()));
  EXPECT_THAT(to_text(report), HasSubstr("ranks     1 on 1 node, started by alone"));
}

}  // namespace
}  // namespace medsweep::runner
