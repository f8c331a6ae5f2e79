#include "sweeps/freeze.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sweeps/example_schema.h"

namespace medsweep::sweeps {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string study_text(std::string_view epochs, std::string_view attentions,
                       std::string_view schedule = "constant") {
  return "[trial]\ndataset = \"a.h5\"\nmodel = \"mask_rcnn\"\nepochs = " + std::string(epochs) +
         "\nschedule = \"" + std::string(schedule) +
         "\"\nstages = [{ epochs = 1, learning_rate = 1e-5 }]\n[axes]\nattention = " +
         std::string(attentions) + "\n";
}

TEST(Freeze, WhatIsWrittenReadsBackWithAllFieldsEqual) {
  Study study = load_text(study_text("4", "[\"none\", \"se\"]") +
                              "\"optimizer.learning_rate\" = [1e-7, 0.1]\n[repeat]\nfolds = 2\n"
                              "[[table]]\ncaption = \"A \\\"quoted\\\"\\ncaption\"\n"
                              "[[ensemble]]\nname = \"a \\\"bag\\\"\"\nover = \"fold\"\n"
                              "method = \"vote\"\nminimum_votes = 2\n",
                          {{"batch_size=2"}, {}, UnknownNames::kRefuse});
  study.title = "Tab\tand back\\slash";
  const Frozen frozen = freeze(study);
  const std::string text = frozen_text(frozen);
  EXPECT_EQ(parse_frozen(text, "study.toml"), frozen);
  EXPECT_THAT(text, HasSubstr("[shared]\n\"activation\" = \"softmax\"\n"));
  EXPECT_THAT(difference(frozen, study).empty(), true);
  EXPECT_EQ(in_words(difference(frozen, study)), "");
}

TEST(Freeze, AnEditedTextIsRefusedWithItsPlace) {
  EXPECT_THROW(parse_frozen("format = 1\n", "study.toml"), std::invalid_argument);
  EXPECT_THROW(parse_frozen("format = 2\n", "study.toml"), std::invalid_argument);
}

TEST(Difference, SaysWhatCameWentAndChanged) {
  const Frozen frozen = freeze(load_text(study_text("4", "[\"none\", \"se\"]", "cosine")));
  const Study now = load_text(study_text("6", "[\"se\", \"pam\"]", "cosine"));
  const Difference found = difference(frozen, now);
  EXPECT_THAT(found.added, ElementsAre("pam"));
  EXPECT_THAT(found.removed, ElementsAre("none"));
  EXPECT_THAT(found.changed, ElementsAre("se: epochs 4 -> 6"));
  EXPECT_THAT(in_words(found), HasSubstr("--extend goes on"));
}

TEST(Difference, KnobsOfTheRunAreFrozenButMakeNoTrialNew) {
  const Frozen frozen = freeze(load_text(study_text("4", "[\"none\", \"se\"]")));
  const Study now = load_text(study_text("4", "[\"none\", \"se\"]"),
                              {{"ranks_per_trial=2"}, {}, UnknownNames::kRefuse});
  const Difference found = difference(frozen, now);
  EXPECT_THAT(found.changed, IsEmpty());
  EXPECT_THAT(found.of_the_run, ElementsAre("ranks_per_trial 1 -> 2"));
}

TEST(Difference, OtherEnsemblesConcernNoTrialAndAreTakenAsTheyAreNow) {
  const std::string text = study_text("4", "[\"none\", \"se\"]") + "[repeat]\nseeds = [0, 1]\n";
  const auto with_ensemble = [&](const std::string& method) {
    return load_text(text + "[[ensemble]]\nname = \"bag\"\nover = \"seed\"\nmethod = \"" + method +
                     "\"\n");
  };
  const Frozen frozen = freeze(with_ensemble("vote"));
  EXPECT_EQ(frozen.ensembles, (std::vector<Ensemble>{{"bag", "seed", "vote", 0}}));
  const Study now = with_ensemble("mean");
  const Difference found = difference(frozen, now);
  EXPECT_TRUE(found.ensembles);
  EXPECT_TRUE(found.empty());
  EXPECT_FALSE(difference(frozen, with_ensemble("vote")).ensembles);
  EXPECT_EQ(extend(frozen, now).ensembles, now.ensembles);
  EXPECT_EQ(extend(frozen, now).trials, now.trials);
}

TEST(Freeze, AStudyFrozenWithoutEnsemblesHasNone) {
  const Frozen frozen = freeze(load_text(study_text("4", "[\"none\", \"se\"]")));
  EXPECT_EQ(frozen_text(frozen).find("ensemble"), std::string::npos);
  EXPECT_THAT(parse_frozen(frozen_text(frozen), "study.toml").ensembles, IsEmpty());
}

TEST(Extend, MoreEpochsGoOnWhereTheScheduleBeginsTheSame) {
  const Frozen frozen = freeze(load_text(study_text("4", "[\"none\", \"se\"]")));
  const Study now = load_text(study_text("6", "[\"none\", \"se\", \"pam\"]"));
  const Difference found = difference(frozen, now);
  EXPECT_THAT(found.extended, ElementsAre("none: epochs 4 -> 6", "se: epochs 4 -> 6"));
  EXPECT_THAT(found.added, ElementsAre("pam"));
  const Frozen extended = extend(frozen, now);
  ASSERT_EQ(extended.trials.size(), 3U);
  EXPECT_EQ(extended.trials[0].identity, frozen.trials[0].identity);
  EXPECT_THAT(extended.trials[0].knobs, HasSubstr("\"epochs\":6"));
  EXPECT_TRUE(difference(extended, now).empty());
}

TEST(Extend, KeepsWhatTheStudyNoLongerHasAndGivesEveryTrialItsOwnName) {
  const Frozen frozen = freeze(load_text(study_text("4", "[\"none\", \"se\"]", "cosine")));
  const Study now = load_text(study_text("6", "[\"se\", \"pam\"]", "cosine"));
  const Frozen extended = extend(frozen, now);
  std::vector<std::string> names;
  for (const Trial& trial : extended.trials) names.push_back(trial.name);
  EXPECT_THAT(names, ElementsAre("none", "se", "se-2", "pam"));
}

TEST(Identity, EpochsAreOutsideItOnlyWhereTheScheduleBeginsTheSame) {
  const auto identity = [](std::string_view epochs, std::string_view schedule) {
    return load_text(study_text(epochs, "[\"se\"]", schedule)).trials[0].identity;
  };
  EXPECT_EQ(identity("4", "constant"), identity("6", "constant"));
  EXPECT_EQ(identity("4", "step"), identity("6", "step"));
  EXPECT_NE(identity("4", "cosine"), identity("6", "cosine"));
}

TEST(Identity, EpochsAsAnAxisOfSuchAScheduleAreOneTrialAsLongAsTheLongest) {
  const Study study = load_text(study_text("4", "[\"se\"]") + "epochs = [3, 9, 5]\n");
  ASSERT_EQ(study.trials.size(), 1U);
  EXPECT_EQ(study.collapsed, 2);
  EXPECT_THAT(study.trials[0].knobs, HasSubstr("\"epochs\":9"));
  EXPECT_EQ(study.notes.size(), 2U);
}

TEST(Identity, DependsOnDataSeedAndSourcesNotOnPathRanksOrTheOtherTrials) {
  const std::string text = study_text("4", "[\"se\"]");
  const std::string plain = load_text(text).trials[0].identity;
  const auto set = [&](const char* option) {
    return load_text(text, {{option}, {}, UnknownNames::kRefuse}).trials[0].identity;
  };
  EXPECT_EQ(plain.size(), 16U);
  EXPECT_EQ(load_text(text + "color_mode = [\"rgb\", \"gray\"]\n").trials[0].identity, plain);
  EXPECT_EQ(set("dataset=elsewhere/a.h5"), plain);
  EXPECT_EQ(set("ranks_per_trial=4"), plain);
  EXPECT_EQ(set("evaluate.pictures=3"), plain);
  EXPECT_NE(set("dataset=b.h5"), plain);
  EXPECT_NE(set("seed=1"), plain);
  EXPECT_NE(set("batch_size=4"), plain);
  EXPECT_EQ(load_text("[trial]\ndataset = \"a.h5\"\nmodel = \"unet\"\n").trials[0].identity,
            load_text("[trial]\ndataset = \"a.h5\"\nmodel = \"unet\"\nbackbone = \"resnet50\"\n")
                .trials[0]
                .identity)
      << "a knob without effect";
}

TEST(SameCode, TakesTheIdentityOfTheTrialWithTheSameSettings) {
  const std::string text = study_text("4", "[\"none\", \"se\"]");
  const Frozen frozen = freeze(load_text(text));
  Schema edited = example_schema();
  edited.source_digests["models/se"] = "another";
  Study now = load_text(text, {}, edited);
  EXPECT_THAT(difference(frozen, now).changed, ElementsAre("se: its sources were edited"));
  EXPECT_THAT(keep_identities(frozen, now), ElementsAre("se"));
  EXPECT_TRUE(difference(frozen, now).empty());
}

}  // namespace
}  // namespace medsweep::sweeps
