#include "runner/ensemble/study_ensembles.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "results/journal.h"
#include "results/layout.h"
#include "results/record.h"
#include "runner/knobs.h"
#include "tests/results/temporary_folder.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::ThrowsMessage;

/// Of the names of trials that nothing but the seed tells apart.
constexpr std::string_view kPrefix = "unet+bn-";

/// Names of trials, ensemble by ensemble.
std::vector<std::vector<std::string>> members_of(const std::vector<StudyEnsemble>& ensembles) {
  std::vector<std::vector<std::string>> members;
  for (const StudyEnsemble& ensemble : ensembles) {
    members.emplace_back();
    for (const sweeps::Trial& trial : ensemble.trials) members.back().push_back(trial.name);
  }
  return members;
}

std::vector<std::string> names_of_ensembles(const std::vector<StudyEnsemble>& ensembles) {
  std::vector<std::string> names;
  for (const StudyEnsemble& ensemble : ensembles) names.push_back(ensemble.name.name);
  return names;
}

/// A study with results made up in a folder of its own. Trials are called by their names there.
class StudyEnsemblesTest : public results::InTemporaryFolder {
 protected:
  sweeps::Study study(const std::string& lines) const {
    const fs::path file = folder_ / "bagged.toml";
    std::ofstream(file) << "name = \"bagged\"\n[trial]\ndataset = \"absent.h5\"\nmodel = \"unet\"\n"
                           "epochs = 2\n"
                        << lines;
    sweeps::Study loaded = sweeps::load_study(file, make_schema());
    for (sweeps::Trial& trial : loaded.trials) {
      if (trial.name.starts_with(kPrefix)) trial.name.erase(0, kPrefix.size());
      trial.identity = "id-" + trial.name;
    }
    return loaded;
  }

  static std::string ensemble(const std::string& over, const std::string& method = "vote") {
    return fmt::format("[[ensemble]]\nname = \"bag\"\nover = \"{}\"\nmethod = \"{}\"\n", over,
                       method);
  }

  fs::path study_folder() const { return results::study_folder(folder_ / "runs", "bagged"); }

  /// A finished trial with a checkpoint after `step` steps.
  void finish(const std::string& trial, std::int64_t step) const {
    results::Journal journal(study_folder(), "test");
    results::EpochRecord epoch;
    epoch.trial = "id-" + trial;
    epoch.epoch = 2;
    epoch.step = step;
    journal.append(results::record(epoch));
    results::DoneRecord done;
    done.trial = "id-" + trial;
    done.epochs = 2;
    journal.append(results::record(done));
    fs::create_directories(
        results::checkpoints_folder(results::trial_folder(study_folder(), done.trial)) /
        fmt::format("step-{:06}", step));
  }

  void fail(const std::string& trial) const {
    results::Journal journal(study_folder(), "test");
    results::FailureRecord failure;
    failure.trial = "id-" + trial;
    journal.append(results::record(failure));
  }

  /// The row of an ensemble of these trials with these checkpoints.
  void make(const std::string& identity, const nlohmann::json& row) const {
    results::Journal journal(study_folder(), "test");
    results::TrialRecord trial;
    trial.trial = identity;
    trial.name = row.at("label");
    trial.study = "bagged";
    trial.knobs = nlohmann::json{{"ensemble", row}}.dump();
    journal.append(results::record(trial));
    results::DoneRecord done;
    done.trial = identity;
    journal.append(results::record(done));
  }

  results::Index index() const { return results::Index({folder_ / "runs"}, folder_ / "cache"); }

  std::vector<EnsembleStanding> standings(const sweeps::Study& study) const {
    return standings_of(study_ensembles(study.ensembles, study.trials),
                        {"bagged", {folder_ / "runs"}}, index());
  }
};

nlohmann::json row_over_seeds(const std::vector<std::string>& checkpoints) {
  return {{"label", "bag"},      {"over", "seed"},
          {"method", "vote"},    {"minimum_votes", 2},
          {"trials", {}},        {"identities", {"id-s0", "id-s1"}},
          {"data", "absent.h5"}, {"checkpoints", checkpoints}};
}

constexpr const char* kTwoSeeds = "[repeat]\nseeds = [0, 1]\n";

TEST_F(StudyEnsemblesTest, AreGroupsThatDifferInOneThingAlone) {
  const std::string grid = "[axes]\ncolor_mode = [\"rgb\", \"gray\"]\n" + std::string(kTwoSeeds);
  const sweeps::Study both = study(grid + ensemble("seed"));
  const auto ensembles = study_ensembles(both.ensembles, both.trials);
  EXPECT_THAT(members_of(ensembles),
              ElementsAre(ElementsAre("rgb-s0", "rgb-s1"), ElementsAre("gray-s0", "gray-s1")));
  EXPECT_THAT(names_of_ensembles(ensembles), ElementsAre("bag-rgb", "bag-gray"));
  EXPECT_EQ(ensembles.front().name.label, "bag");
  const sweeps::Study one = study(kTwoSeeds + ensemble("seed"));
  EXPECT_THAT(names_of_ensembles(study_ensembles(one.ensembles, one.trials)), ElementsAre("bag"));
}

TEST_F(StudyEnsemblesTest, LeaveOutATrialThatNothingVariesWith) {
  const sweeps::Study loaded = study(
      "[axes]\ncolor_mode = [\"rgb\", \"gray\"]\n[[exclude]]\ncolor_mode = \"gray\"\n"
      "seed = 1\n" +
      std::string(kTwoSeeds) + ensemble("seed"));
  EXPECT_THAT(members_of(study_ensembles(loaded.ensembles, loaded.trials)),
              ElementsAre(ElementsAre("rgb-s0", "rgb-s1")));
}

TEST_F(StudyEnsemblesTest, TakeOfAChangedTrialTheNewOne) {
  sweeps::Study loaded = study(kTwoSeeds + ensemble("seed"));
  sweeps::Trial changed = loaded.trials.front();
  changed.name += "-2";
  loaded.trials.push_back(changed);
  EXPECT_THAT(members_of(study_ensembles(loaded.ensembles, loaded.trials)),
              ElementsAre(ElementsAre("s0-2", "s1")));
}

TEST_F(StudyEnsemblesTest, AreRefusedWhereTheyCannotBeMade) {
  const auto refused = [&](const std::string& lines) {
    return [loaded = study(lines)] { study_ensembles(loaded.ensembles, loaded.trials); };
  };
  EXPECT_THAT(refused(ensemble("seed")),
              ThrowsMessage<std::invalid_argument>(HasSubstr("nothing varies over \"seed\"")));
  EXPECT_THAT(
      refused("[split]\nvalidation = { folds = 2 }\n[repeat]\nfolds = 2\n" + ensemble("fold")),
      ThrowsMessage<std::invalid_argument>(HasSubstr("no samples that no trial was trained on")));
  EXPECT_THAT(refused(kTwoSeeds + ensemble("seed") + "minimum_votes = 3\n"),
              ThrowsMessage<std::invalid_argument>(HasSubstr("3")));
  std::string named = ensemble("seed");
  named.replace(named.find("bag"), 3, "s1");
  EXPECT_THAT(refused(kTwoSeeds + named),
              ThrowsMessage<std::invalid_argument>(HasSubstr("'s1' is a trial")));
}

TEST_F(StudyEnsemblesTest, WaitForTheirTrialsAndAreLeftOnceThoseAreFinished) {
  const sweeps::Study loaded = study(kTwoSeeds + ensemble("seed"));
  finish("s0", 8);
  EXPECT_EQ(standings(loaded).front().state, EnsembleState::kWaiting);
  EXPECT_EQ(standings(loaded).front().why, "trial s1 is not finished");
  fail("s1");
  EXPECT_EQ(standings(loaded).front().why, "trial s1 failed");
  finish("s1", 8);
  const EnsembleStanding left = standings(loaded).front();
  EXPECT_EQ(left.state, EnsembleState::kLeft);
  ASSERT_THAT(left.weights, SizeIs(2));
  EXPECT_EQ(checkpoint_of(left.weights.back()), "step-000008");
}

TEST_F(StudyEnsemblesTest, AreMadeOnceOfTheSameWeights) {
  const sweeps::Study loaded = study(kTwoSeeds + ensemble("seed"));
  finish("s0", 8);
  finish("s1", 8);
  make("made", row_over_seeds({"step-000008", "step-000008"}));
  EXPECT_EQ(standings(loaded).front().state, EnsembleState::kMade);
  finish("s1", 16);
  EXPECT_EQ(standings(loaded).front().state, EnsembleState::kLeft);
  fs::remove_all(study_folder() / "trials");
  EXPECT_EQ(standings(loaded).front().state, EnsembleState::kMade)
      << "without weights nothing is made anew";
}

TEST_F(StudyEnsemblesTest, OfAnotherWayOrOfOtherTrialsAreOthers) {
  const sweeps::Study loaded = study(kTwoSeeds + ensemble("seed"));
  finish("s0", 8);
  finish("s1", 8);
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, nlohmann::json>>{
           {"method", "mean"},
           {"over", "dataset"},
           {"minimum_votes", 1},
           {"identities", {"id-s0", "id-s1", "id-s2"}}}) {
    nlohmann::json row = row_over_seeds({"step-000008", "step-000008"});
    row[key] = value;
    make(std::string("other-") + key, row);
  }
  EXPECT_EQ(standings(loaded).front().state, EnsembleState::kLeft);
}

TEST_F(StudyEnsemblesTest, AreShownMadeOrNotBesideThoseByHand) {
  const sweeps::Study loaded = study(kTwoSeeds + ensemble("seed"));
  const auto ensembles = study_ensembles(loaded.ensembles, loaded.trials);
  nlohmann::json row = row_over_seeds({"step-000008", "step-000008"});
  row["method"] = "mean";  // of an [[ensemble]] that the study has no longer
  make("gone", row);
  row.erase("over");
  row["label"] = "by hand";
  make("hand", row);
  const auto before = shown_ensembles(ensembles, ensembles_of("bagged", index()));
  ASSERT_THAT(before, SizeIs(2));
  EXPECT_EQ(before[0].label, "bag");
  EXPECT_THAT(before[0].members, ElementsAre("id-s0", "id-s1"));
  EXPECT_EQ(before[1].identity, "hand");
  make("made", row_over_seeds({"step-000008", "step-000008"}));
  const auto after = shown_ensembles(ensembles, ensembles_of("bagged", index()));
  ASSERT_THAT(after, SizeIs(2));
  EXPECT_EQ(after[0].identity, "made");
}

TEST_F(StudyEnsemblesTest, SayInTheStatusWhatTheyWaitFor) {
  const sweeps::Study loaded = study(kTwoSeeds + ensemble("seed"));
  const auto statuses = ensemble_statuses(study_ensembles(loaded.ensembles, loaded.trials),
                                          {"bagged", {folder_ / "runs"}}, index());
  results::Status status{.study = "bagged", .trials = {}, .ensembles = statuses};
  EXPECT_THAT(
      results::status_text(status, 0),
      HasSubstr("1 ensembles, 0 done, 1 pending\n  pending  bag  trial s0 is not finished"));
  status.ensembles = {{"bag", true, ""}};
  EXPECT_THAT(results::status_text(status, 0), HasSubstr("1 ensembles, 1 done, 0 pending\n"));
  EXPECT_EQ(nlohmann::json::parse(results::status_json(status))["ensembles"][0]["state"], "done");
}

}  // namespace
}  // namespace medsweep::runner
