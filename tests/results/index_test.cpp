#include "results/index.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "results/journal.h"
#include "results/layout.h"
#include "results/record.h"
#include "tests/results/temporary_folder.h"

namespace medsweep::results {
namespace {

namespace fs = std::filesystem;

class IndexTest : public InTemporaryFolder {
 protected:
  Index index() { return Index({folder_ / "runs"}, folder_ / "cache"); }
  fs::path study() const { return folder_ / "runs" / "demo"; }
};

ValueRecord value(const std::string& trial, const std::string& sample, std::int64_t step,
                  std::optional<double> number) {
  return {.trial = trial,
          .split = "test",
          .dataset = "",
          .epoch = step / 10,
          .step = step,
          .sample = sample,
          .class_name = "lv",
          .metric = "dice",
          .value = number};
}

void write_some(Journal& journal, const std::string& trial) {
  journal.append(record(TrialRecord{.trial = trial,
                                    .name = "n-" + trial,
                                    .study = "demo",
                                    .labels = {{"loss", "bce"}},
                                    .knobs = R"({"epochs":2,"model":"unet"})"}));
  journal.append(record(AttemptRecord{.trial = trial, .host = "node1", .ranks = 2}));
  journal.append(record(EpochRecord{.trial = trial, .epoch = 1, .step = 10, .seconds = 9}));
  journal.append(record(EpochRecord{.trial = trial, .epoch = 2, .step = 20, .seconds = 3}));
  journal.append(record(value(trial, "p1", 10, 0.5)));
  journal.append(record(value(trial, "p1", 20, 0.75)));
  journal.append(record(value(trial, "p2", 20, std::nullopt)));
}

TEST_F(IndexTest, FollowsATrialThroughItsStates) {
  Journal journal(study(), "job");
  Index index = this->index();
  EXPECT_EQ(index.progress("a").state, TrialState::kPlanned);
  write_some(journal, "a");
  index.refresh();
  TrialProgress progress = index.progress("a");
  EXPECT_EQ(progress.state, TrialState::kRunning);
  EXPECT_EQ(progress.epochs, 2);
  EXPECT_EQ(progress.epoch_seconds, 3);  // the first epoch warms up
  EXPECT_EQ(progress.ranks, 2);
  EXPECT_EQ(progress.host, "node1");
  EXPECT_NEAR(progress.last_heard, now_seconds(), 5);
  const auto apart = [] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); };
  apart();
  journal.append(record(FailureRecord{
      .trial = "a", .failure = FailureClass::kOutOfMemory, .message = "too much", .samples = {}}));
  index.refresh();
  EXPECT_EQ(index.progress("a").state, TrialState::kFailed);
  EXPECT_EQ(index.progress("a").detail, "out_of_memory");
  apart();
  journal.append(record(StopRecord{.trial = "a", .reason = "signal"}));
  index.refresh();
  EXPECT_EQ(index.progress("a").state, TrialState::kStopped);
  apart();
  journal.append(record(DoneRecord{.trial = "a", .epochs = 2}));
  apart();
  journal.append(record(AttemptRecord{.trial = "a", .host = "node2"}));
  index.refresh();
  EXPECT_EQ(index.progress("a").state, TrialState::kDone);
  apart();
  journal.append(record(RemovedRecord{"a"}));
  index.refresh();
  EXPECT_EQ(index.progress("a").state, TrialState::kPlanned);
  EXPECT_EQ(index.progress("a").epochs, 0);
}

TEST_F(IndexTest, GivesTheValuesOfTheLastOrTheBestStep) {
  Journal journal(study(), "job");
  write_some(journal, "a");
  journal.append(record(CheckpointRecord{
      .trial = "a", .epoch = 1, .step = 10, .path = "checkpoints/step-000010", .best = "dice"}));
  const Index index = this->index();
  const auto last = index.values("a", {.metrics = {"dice"}});
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last[0].sample, "p1");
  EXPECT_EQ(last[0].value, 0.75);
  EXPECT_EQ(last[1].value, std::nullopt);
  const auto best = index.values(
      "a", {.metrics = {"dice"}, .checkpoint = CheckpointChoice::kBest, .best = "dice"});
  ASSERT_EQ(best.size(), 1U);
  EXPECT_EQ(best[0].value, 0.5);
  EXPECT_TRUE(index.values("a", {.split = "train", .metrics = {"dice"}}).empty());
  EXPECT_TRUE(index.has_values("a", "test"));
  EXPECT_FALSE(index.has_values("a", "train"));
}

TEST_F(IndexTest, ReadsOnlyWhatIsNewAndEqualsARebuiltOne) {
  Journal first(study(), "job");
  Journal second(study(), "job");
  write_some(first, "a");
  EXPECT_TRUE(index().report().rebuilt);
  write_some(second, "b");
  first.append(record(DoneRecord{.trial = "a"}));
  std::string incremental;
  {
    const Index again = index();
    EXPECT_FALSE(again.report().rebuilt);
    EXPECT_EQ(again.report().records, 8);
    incremental = again.dump();
  }
  EXPECT_EQ(index().report().records, 0);
  fs::remove_all(folder_ / "cache");
  const Index rebuilt = index();
  EXPECT_EQ(rebuilt.report().records, 17);
  EXPECT_EQ(rebuilt.dump(), incremental);
}

TEST_F(IndexTest, StartsAnewWhenAJournalShrankOrVanished) {
  Journal journal(study(), "job");
  fs::path other;
  {
    Journal gone(study(), "job");
    write_some(gone, "b");
    other = gone.path();
  }
  write_some(journal, "a");
  EXPECT_EQ(index().trials_of("demo").size(), 2U);
  fs::remove(other);
  {
    const Index after = index();
    EXPECT_TRUE(after.report().rebuilt);
    EXPECT_EQ(after.trials_of("demo"), (std::map<std::string, std::string>{{"a", "n-a"}}));
  }
  fs::resize_file(journal.path(), fs::file_size(journal.path()) - 5);
  const Index after = index();
  EXPECT_TRUE(after.report().rebuilt);
  EXPECT_EQ(after.values("a", {.metrics = {"dice"}}).size(), 1U);
}

TEST_F(IndexTest, ADamagedIndexFileIsMadeAgain) {
  Journal journal(study(), "job");
  write_some(journal, "a");
  index();
  for (const auto& entry : fs::directory_iterator(folder_ / "cache"))
    std::ofstream(entry.path(), std::ios::trunc) << "this is no database, whatever its name says";
  EXPECT_TRUE(index().report().rebuilt);
  EXPECT_EQ(index().trials_of("demo").size(), 1U);
}

TEST_F(IndexTest, DamagedLinesAreCountedAlsoWhenNothingIsNew) {
  Journal journal(study(), "job");
  write_some(journal, "a");
  std::ofstream(journal.path(), std::ios::app) << "{\"torn\n";
  EXPECT_EQ(index().report().damaged_lines, 1);
  EXPECT_EQ(index().report().damaged_lines, 1);
}

TEST_F(IndexTest, TwoReadersAtOnceDoNotDisturbEachOther) {
  Journal journal(study(), "job");
  write_some(journal, "a");
  const Index one = index();
  const Index two = index();
  EXPECT_EQ(one.dump(), two.dump());
}

TEST_F(IndexTest, ReadsSeveralRunsFolders) {
  Journal mine(folder_ / "runs" / "demo", "job");
  Journal theirs(folder_ / "others" / "demo", "job");
  write_some(mine, "a");
  write_some(theirs, "b");
  const Index both({folder_ / "runs", folder_ / "others", folder_ / "absent"}, folder_ / "cache");
  EXPECT_EQ(both.trials_of("demo").size(), 2U);
}

TEST_F(IndexTest, AnEpochsTimeIsThatOfTrialsOfTheSameKind) {
  Journal journal(study(), "job");
  write_some(journal, "a");
  const std::vector<std::string> keys{"model"};
  const auto seconds = index().epoch_seconds(keys);
  EXPECT_EQ(seconds, (std::map<std::string, double>{{R"({"model":"unet"} ranks=2)", 3}}));
  EXPECT_EQ(kind_of(R"({"model":"unet","epochs":9})", keys, 2), seconds.begin()->first);
}

TEST_F(IndexTest, KnowsWhichDataATrialUsedAndWhoWasInWhichPart) {
  Journal journal(study(), "job");
  write_some(journal, "a");
  journal.append(record(DataRecord{"a", "", "/data/acdc.h5", "d1"}));
  journal.append(record(DataRecord{"a", "other.h5", "/data/other.h5", "d2"}));
  journal.append(record(SplitRecord{"s", "p1/0", "p1", "train"}));
  journal.append(record(SplitRecord{"s", "p2/0", "p2", "test"}));
  journal.append(record(SplitRecord{"t", "p2/0", "p2", "validation"}));
  Index index = this->index();
  ASSERT_EQ(index.trials().size(), 1u);
  EXPECT_EQ(index.trials()[0].study, "demo");
  EXPECT_EQ(index.trials()[0].name, "n-a");
  EXPECT_EQ(index.trials()[0].knobs, R"({"epochs":2,"model":"unet"})");
  ASSERT_EQ(index.data("a").size(), 2u);
  EXPECT_EQ(index.data("a")[0].file, "/data/acdc.h5");
  EXPECT_EQ(index.data("a")[1].dataset, "other.h5");
  EXPECT_EQ(index.data("a")[1].digest, "d2");
  EXPECT_TRUE(index.data("b").empty());
  EXPECT_EQ(index.split("s"),
            (std::map<std::string, std::string>{{"p1/0", "train"}, {"p2/0", "test"}}));
  EXPECT_TRUE(index.split("u").empty());
}

}  // namespace
}  // namespace medsweep::results
