#include "results/housekeeping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/files.h"
#include "results/journal.h"
#include "results/layout.h"
#include "results/record.h"
#include "tests/results/temporary_folder.h"

namespace medsweep::results {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kFirst = "0123456789abcdef";
constexpr const char* kSecond = "fedcba9876543210";

class HousekeepingTest : public InTemporaryFolder {
 protected:
  HousekeepingTest() {
    const fs::path study = study_folder(runs_, "demo");
    Journal journal(study, "job");
    write(frozen_study(study), "name = \"demo\"\n");
    for (const auto& [trial, name] : {std::pair{kFirst, "bce"}, std::pair{kSecond, "dice"}}) {
      journal.append(
          record(TrialRecord{.trial = trial, .name = name, .study = "demo", .knobs = "{}"}));
      for (const int step : {10, 20, 30}) {
        const std::string path = "checkpoints/step-0000" + std::to_string(step);
        write(trial_folder(study, trial) / path / "model.safetensors", "weights");
        journal.append(record(CheckpointRecord{
            .trial = trial, .step = step, .path = path, .best = step == 10 ? "dice" : ""}));
      }
    }
    journal.append(record(DoneRecord{.trial = kFirst}));
  }

  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void cite(const std::string& text) { write(frozen_study(runs_ / "other"), text); }
  Index index() { return Index({runs_}, folder_ / "cache"); }
  fs::path checkpoint(const char* trial, const char* step) const {
    return checkpoints_folder(trial_folder(runs_ / "demo", trial)) / step;
  }
  template <typename Call>
  static std::string refusal(Call call) {
    try {
      call();
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  }

  const fs::path runs_ = folder_ / "runs";
  const Housekeeping where_{{runs_}, "demo"};
};

TEST_F(HousekeepingTest, CollectsWhatIsNeitherNewestNorBestOfAFinishedTrial) {
  const CleanUp clean_up = plan_collect(where_, index());
  ASSERT_EQ(clean_up.remove.size(), 1U);
  EXPECT_EQ(clean_up.remove[0].path, checkpoint(kFirst, "step-000020"));
  EXPECT_EQ(clean_up.remove[0].bytes, 7);
  EXPECT_TRUE(fs::exists(clean_up.remove[0].path));  // to list removes nothing
  carry_out(clean_up, where_);
  EXPECT_FALSE(fs::exists(checkpoint(kFirst, "step-000020")));
  EXPECT_TRUE(fs::exists(checkpoint(kFirst, "step-000010")));
  EXPECT_TRUE(fs::exists(checkpoint(kFirst, "step-000030")));
  EXPECT_TRUE(fs::exists(checkpoint(kSecond, "step-000020")));
}

TEST_F(HousekeepingTest, CollectsOnlyOldClaimsAndTemporaries) {
  const fs::path old = checkpoint(kSecond, "step-000040.tmp"), fresh = checkpoint(kSecond, "a.tmp");
  const fs::path claim = claim_file(trial_folder(runs_ / "demo", kSecond));
  write(old / "model.safetensors", "half");
  write(fresh / "model.safetensors", "half");
  write(claim, "host 1");
  for (const fs::path& path : {old, claim})
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(2));
  std::set<fs::path> removed;
  for (const auto& item : plan_collect(where_, index()).remove) removed.insert(item.path);
  EXPECT_EQ(removed, (std::set<fs::path>{old, claim, checkpoint(kFirst, "step-000020")}));
}

TEST_F(HousekeepingTest, CollectKeepsWhatAnotherStudyCites) {
  cite("[trial]\nweights = \"trial:bce\"\n");
  const CleanUp clean_up = plan_collect(where_, index());
  EXPECT_TRUE(clean_up.remove.empty());
  ASSERT_EQ(clean_up.keep.size(), 1U);
  EXPECT_EQ(clean_up.keep[0].why, "needed by other");
  EXPECT_THAT(clean_up_text(clean_up), HasSubstr("0.0 MB in 0 places"));
}

TEST_F(HousekeepingTest, ARemovedTrialCountsAsNeverTrained) {
  EXPECT_EQ(index().progress(kFirst).state, TrialState::kDone);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  carry_out(plan_remove_trial(where_, index(), "bce"), where_);
  EXPECT_FALSE(fs::exists(trial_folder(runs_ / "demo", kFirst)));
  EXPECT_EQ(index().progress(kFirst).state, TrialState::kPlanned);
  EXPECT_TRUE(fs::exists(trial_folder(runs_ / "demo", kSecond)));
}

TEST_F(HousekeepingTest, RemovesAStudyThatNobodyCites) {
  cite("name = \"other\"\n");
  carry_out(plan_remove_study(where_, index()), where_);
  EXPECT_FALSE(fs::exists(runs_ / "demo"));
  EXPECT_TRUE(fs::exists(runs_ / "other"));
}

TEST_F(HousekeepingTest, RefusesToRemoveWhatAnotherStudyCites) {
  const Index index = this->index();
  const auto remove_study = [&] { plan_remove_study(where_, index); };
  const auto remove_second = [&] { plan_remove_trial(where_, index, "dice"); };
  cite(std::string("trials = [\"") + kSecond + "\"]\n");
  EXPECT_EQ(refusal(remove_study), "[demo/dice] is needed by the study other; remove it first");
  EXPECT_EQ(refusal(remove_second), "[demo/dice] is needed by the study other; remove it first");
  EXPECT_EQ(refusal([&] { plan_remove_trial(where_, index, "bce"); }), "accepted");
  cite("needs = [\"../demo.toml\"]\n");
  EXPECT_EQ(refusal(remove_study), "[demo] is needed by the study other; remove it first");
  EXPECT_EQ(refusal(remove_second), "[demo/dice] is needed by the study other; remove it first");
}

TEST_F(HousekeepingTest, RefusesToRemoveWhatIsRunning) {
  Journal journal(runs_ / "demo", "job");
  journal.append(record(AttemptRecord{.trial = kSecond, .host = "node1"}));
  const Index index = this->index();
  EXPECT_EQ(refusal([&] { plan_remove_study(where_, index); }),
            "[demo/dice] is running on node1; stop it first");
  EXPECT_EQ(refusal([&] { plan_remove_trial(where_, index, "dice"); }),
            "[demo/dice] is running on node1; stop it first");
  EXPECT_EQ(refusal([&] { plan_remove_trial(where_, index, "bce"); }), "accepted");
}

TEST_F(HousekeepingTest, NamesTheNearestTrialAndAMissingStudy) {
  const Index index = this->index();
  EXPECT_EQ(refusal([&] { plan_remove_trial(where_, index, "dic"); }),
            "[trial] unknown name 'dic'; did you mean 'dice'? known: bce dice");
  EXPECT_THAT(refusal([&] {
                plan_remove_study({{runs_}, "absent"}, index);
              }),
              HasSubstr("absent] no such study folder"));
  EXPECT_THAT(refusal([&] {
                plan_remove_study({{runs_}, ""}, index);
              }),
              HasSubstr("no such study folder"));
}

TEST_F(HousekeepingTest, AnArchiveHoldsJournalStudyAndNeededCheckpoints) {
  const fs::path output = folder_ / "demo.tar.gz", unpacked = folder_ / "unpacked";
  archive(where_, index(), output);
  fs::create_directories(unpacked);
  const std::string command = "tar -xzf " + output.string() + " -C " + unpacked.string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_file(frozen_study(unpacked / "demo")), "name = \"demo\"\n");
  EXPECT_EQ(Index({unpacked}, folder_ / "other_cache").dump().size() > 0, true);
  EXPECT_EQ(journal_files(unpacked / "demo").size(), 1U);
  const fs::path checkpoints = checkpoints_folder(trial_folder(unpacked / "demo", kFirst));
  EXPECT_TRUE(fs::exists(checkpoints / "step-000010" / "model.safetensors"));
  EXPECT_TRUE(fs::exists(checkpoints / "step-000030" / "model.safetensors"));
  EXPECT_FALSE(fs::exists(checkpoints / "step-000020"));
  EXPECT_THAT(refusal([&] { archive(where_, index(), output); }), HasSubstr("exists"));
}

TEST_F(HousekeepingTest, AFailedArchiveLeavesNothing) {
  const fs::path folder = folder_ / "absent";
  EXPECT_THROW(archive(where_, index(), folder / "demo.tar.gz"), std::runtime_error);
  EXPECT_FALSE(fs::exists(folder));
}

}  // namespace
}  // namespace medsweep::results
