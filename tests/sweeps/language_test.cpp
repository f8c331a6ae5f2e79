#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/sweeps/example_schema.h"

namespace medsweep::sweeps {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kTrial = "[trial]\ndataset = \"a.h5\"\nmodel = \"mask_rcnn\"\n";

std::string study(std::string_view rest) { return std::string(kTrial) + std::string(rest); }

TEST(Axes, AreAProductInTheOrderOfTheFileTheLastOneFastest) {
  const Study loaded =
      load_text(study("[axes]\nmodel = [\"unet3d\", \"vnet\"]\nattention = [\"se\", "
                      "\"pam\"]\nbackbone = [\"resnet50\", \"resnet101\"]\n"));
  EXPECT_THAT(names_of(loaded),
              ElementsAre("unet3d-se-r50", "unet3d-se-r101", "unet3d-pam-r50", "unet3d-pam-r101",
                          "vnet-se-r50", "vnet-se-r101", "vnet-pam-r50", "vnet-pam-r101"));
  EXPECT_THAT(loaded.trials[1].labels,
              ElementsAre(testing::Pair("model", "unet3d"), testing::Pair("attention", "se"),
                          testing::Pair("backbone", "r101")));
}

TEST(Axes, QuotedAndNestedDottedKeysMeanTheSame) {
  const Study quoted = load_text(study("[axes]\n\"optimizer.weight_decay\" = [0.01, 0.005]\n"));
  const Study nested = load_text(study("[axes]\noptimizer.weight_decay = [0.01, 0.005]\n"));
  EXPECT_THAT(names_of(quoted), ElementsAre("wd0.01", "wd0.005"));
  EXPECT_EQ(names_of(quoted), names_of(nested));
  EXPECT_EQ(quoted.trials[0].identity, nested.trials[0].identity);
  EXPECT_THAT(nested.trials[1].knobs, HasSubstr("\"weight_decay\":0.005"));
}

TEST(Axes, NestedKeysKeepTheirPlaceAmongTheOthers) {
  const Study loaded =
      load_text(study("[axes]\noptimizer.momentum = [0, 0.9]\ncolor_mode = [\"rgb\", "
                      "\"gray\"]\noptimizer.weight_decay = [0.1, 0.2]\n"));
  EXPECT_EQ(loaded.trials[1].name, "momentum0-rgb-wd0.2");
}

TEST(Zip, AdvancesTogetherAndStandsWhereItsFirstKeyDoes) {
  const Study loaded = load_text(study(
      "[zip]\nbatch_size = [4, 8]\nepochs = [10, 20]\n[axes]\ncolor_mode = [\"rgb\", \"gray\"]\n"
      "[trial.schedule]\nname = \"cosine\"\n"));
  EXPECT_THAT(names_of(loaded), ElementsAre("bs4-epochs10-rgb", "bs4-epochs10-gray",
                                            "bs8-epochs20-rgb", "bs8-epochs20-gray"));
  EXPECT_THAT(problems_of(study("[zip]\nbatch_size = [4, 8]\nepochs = [10]\n")),
              ElementsAre("study.toml:7:1: [zip] epochs has 1 values and batch_size has 2; equally "
                          "many are allowed"));
}

TEST(Union, StartsFromTheTrialAloneWithItsOwnAxes) {
  const Study loaded = load_text(study(
      "[axes]\nattention = [\"none\", \"se\"]\n[[union]]\ntrial = { model = \"vnet\" }\naxes = { "
      "color_mode = [\"rgb\", \"gray\"] }\nexclude = [{ color_mode = \"rgb\" }]\n"));
  EXPECT_THAT(names_of(loaded), ElementsAre("rgb-maskrcnn", "se-rgb-maskrcnn", "gray-vnet"));
  ASSERT_EQ(loaded.excluded.size(), 1U);
}

TEST(When, AppliesInOrderAfterTheAxes) {
  const Study loaded = load_text(study(
      "[axes]\nattention = [\"none\", \"se\"]\n[[when]]\nmatch = { attention = \"se\" }\nset = { "
      "batch_size = 2, \"optimizer.learning_rate\" = 0.5 }\n[[when]]\nmatch = { batch_size = 2 "
      "}\nset = { epochs = 3 }\n"));
  EXPECT_THAT(loaded.trials[0].knobs, HasSubstr("\"batch_size\":8"));
  EXPECT_THAT(loaded.trials[1].knobs, HasSubstr("\"batch_size\":2"));
  EXPECT_THAT(loaded.trials[1].knobs, HasSubstr("\"epochs\":3"));
  EXPECT_THAT(loaded.trials[1].knobs, HasSubstr("\"learning_rate\":0.5"));
}

TEST(Require, AMissingCombinationIsAnError) {
  const std::string axes = "[axes]\nattention = [\"none\", \"se\"]\n";
  EXPECT_EQ(load_text(study(axes + "[[require]]\nattention = [\"se\", \"pam\"]\n")).trials.size(),
            2U);
  EXPECT_THAT(problems_of(study(axes + "[[require]]\nattention = \"pam\"\n")),
              ElementsAre("study.toml:7:1: [[require]] no trial has attention = pam"));
}

TEST(Repeat, SeedsAndFoldsMultiplyAndOnlyAdd) {
  const Study few =
      load_text(study("[repeat]\nseeds = [0]\n[split]\nvalidation = { folds = 3 }\n"));
  const Study many = load_text(
      study("[repeat]\nseeds = [0, 1]\nfolds = 3\n[split]\nvalidation = { folds = 3 }\n"));
  EXPECT_THAT(names_of(many), ElementsAre("maskrcnn-s0-f0", "maskrcnn-s0-f1", "maskrcnn-s0-f2",
                                          "maskrcnn-s1-f0", "maskrcnn-s1-f1", "maskrcnn-s1-f2"));
  EXPECT_EQ(few.trials[0].identity, many.trials[0].identity);
  EXPECT_EQ(many.trials[5].seed, 1);
  EXPECT_EQ(many.trials[5].fold, 2);
  EXPECT_THAT(load_text(study("[repeat]\nfolds = 4\n")).trials[0].knobs,
              HasSubstr("\"validation\":{\"folds\":4}"));
  EXPECT_THAT(problems_of(study("[repeat]\nfolds = 5\n[split]\nvalidation = { folds = 3 }\n")),
              ElementsAre(HasSubstr("[repeat] fold 4, but [split] validation = { folds = 3 }")));
  const Study of_file =
      load_text(study("[repeat]\nfolds = 3\n[split]\nvalidation = { folds = \"file\" }\n"));
  EXPECT_THAT(names_of(of_file), ElementsAre("maskrcnn-f0", "maskrcnn-f1", "maskrcnn-f2"));
  EXPECT_THAT(of_file.trials[2].knobs, HasSubstr("\"validation\":{\"folds\":\"file\"}"));
}

TEST(Extends, MergesDeeplyTheExtendedAxesFirstAndFindsCircles) {
  const StudyFolder folder("extends");
  folder.write("base/a.toml",
               "[trial]\ndataset = \"a.h5\"\nmodel = \"vnet\"\n[trial.optimizer]\nname = \"sgd\"\n"
               "momentum = 0.9\n[axes]\ncolor_mode = [\"rgb\", \"gray\"]\nbatch_size = [1, 2]\n");
  const Study loaded = load_study(
      folder.write("b.toml",
                   "name = \"b\"\nextends = \"base/a.toml\"\n[trial]\noptimizer.weight_decay = "
                   "0.5\n[axes]\nattention = [\"se\", \"pam\"]\nbatch_size = [4, 8]\n"),
      example_schema());
  EXPECT_EQ(loaded.trials[1].name, "rgb-bs4-pam");
  EXPECT_THAT(loaded.trials[0].knobs,
              HasSubstr("\"momentum\":0.9,\"name\":\"sgd\",\"weight_decay\":0.5"));
  EXPECT_THAT(loaded.trials[0].knobs, HasSubstr((folder.path() / "base/a.h5").string()));
  folder.write("c.toml", "name = \"c\"\nextends = \"d.toml\"\n");
  folder.write("d.toml", "name = \"d\"\nextends = \"c.toml\"\n");
  try {
    load_study(folder.path() / "c.toml", example_schema());
    FAIL() << "a circle was read";
  } catch (const StudyError& error) {
    EXPECT_THAT(error.problems(), ElementsAre("[extends] studies extend one another in a circle: "
                                              "c.toml -> d.toml -> c.toml"));
  }
}

TEST(EqualTrials, CollapseAndAreCounted) {
  const Study loaded =
      load_text(study("[axes]\nattention = [\"none\", \"se\"]\n\"attention.place\" = [\"encoder\", "
                      "\"decoder\"]\n"));
  EXPECT_THAT(names_of(loaded), ElementsAre("none", "se-encoder", "se-decoder"));
  EXPECT_EQ(loaded.collapsed, 1);
}

TEST(Names, AreNeverTheSameTwice) {
  const Study options =
      load_text(study("[axes]\nattention = [{ name = \"se\", reduction = 8 }, { name = \"se\", "
                      "reduction = 4 }]\n"));
  EXPECT_THAT(names_of(options), ElementsAre("se_reduction_8", "se_reduction_4"));
  const Study unions =
      load_text(study("[[when]]\nmatch = { attention = \"se\", color_mode = \"rgb\" "
                      "}\nset = { batch_size = 2 }\n[axes]\nattention = [\"se\", "
                      "\"pam\"]\n[[union]]\naxes = { color_mode = [\"gray\"] }\n"));
  EXPECT_THAT(names_of(unions), ElementsAre("se-rgb", "pam-rgb", "gray"));
}

TEST(Check, FindsAllProblemsAtOnceEachWithItsPlaceAndTheNearestName) {
  EXPECT_THAT(
      problems_of("name = \"study\"\nnme = 1\n[trial]\ndataset = \"a.h5\"\nmodel = \"mask_rcn\"\n"
                  "batchsize = 4\nepochs = 0\ndeterministic = 3\ncolor_mode = \"grey\"\n"
                  "optimizer = { name = \"sgd\", momentun = 0.9, learning_rate = \"fast\" }\n"
                  "[axes]\nattention = []\n"),
      ElementsAre(
          HasSubstr("study.toml:2:1: [study] unknown key 'nme'; did you mean 'name'?"),
          "study.toml:6:1: [trial] unknown knob 'batchsize'; did you mean 'batch_size'?",
          HasSubstr("study.toml:5:9: [model] unknown name 'mask_rcn'; did you mean 'mask_rcnn'?"),
          "study.toml:7:10: [epochs] 0; 1 or more is allowed",
          "study.toml:8:17: [deterministic] 3 is an integer; true or false is allowed",
          "study.toml:9:14: [color_mode] 'grey'; one of these is allowed: rgb gray green",
          HasSubstr("study.toml:10:29: [optimizer] unknown option 'momentun'; did you mean "
                    "'momentum'?"),
          "study.toml:10:61: [optimizer.learning_rate] fast is a string; a number is allowed",
          "study.toml:12:13: [axes] attention is empty; a list of one or more values is allowed"));
}

TEST(Check, AnAxisThatNoTrialDependsOnIsAnError) {
  EXPECT_THAT(
      problems_of(study("[axes]\n\"attention.place\" = [\"encoder\", \"decoder\"]\n")),
      Contains("study.toml:6:1: [axes] attention.place is never used: no trial depends on it"));
  EXPECT_THAT(problems_of(study("[axes]\nbackbone = [\"resnet50\", \"resnet101\"]\n"),
                          {{"model=unet"}, {}, UnknownNames::kRefuse}),
              Contains("study.toml:6:1: [axes] backbone is never used: no trial depends on it"));
}

TEST(Check, WhatTheSchemaRefusesIsAProblemOnceWithItsTrial) {
  Schema schema = example_schema();
  schema.refuse = [](std::string_view knobs) {
    return knobs.find("\"name\":\"vnet\"") == std::string_view::npos
               ? ""
               : "[vnet] takes volumes; a.h5 holds images";
  };
  try {
    load_text(study("[axes]\nmodel = [\"unet\", \"vnet\"]\n[repeat]\nseeds = [0, 1]\n"), {},
              schema);
    FAIL() << "accepted";
  } catch (const StudyError& error) {
    EXPECT_THAT(error.problems(), ElementsAre("study.toml: trial vnet-s0 and 1 more: [vnet] takes "
                                              "volumes; a.h5 holds images"));
  }
}

TEST(Check, RequiredKnobsAndLaterTablesAreNamed) {
  EXPECT_THAT(problems_of("[trial]\nmodel = \"unet\"\n"),
              ElementsAre("study.toml: [trial] dataset is required: what to train on"));
  EXPECT_THAT(problems_of(study("[[import]]\nfile = \"x\"\n[search]\nmethod = \"asha\"\n")),
              ElementsAre("study.toml:5:3: [[import]] comes in a later version",
                          "study.toml:8:10: [search] method 'asha' comes in a later version"));
}

TEST(Check, AnEnsembleSaysOverWhatAndHow) {
  EXPECT_THAT(
      problems_of(study("[[ensemble]]\nname = \"a\"\nover = \"folds\"\nmethod = \"mean\"\n"
                        "minimum_votes = 2\n[[ensemble]]\nname = \"a\"\nover = \"seed\"\n"
                        "votes = 1\n")),
      ElementsAre(HasSubstr("[ensemble] unknown over 'folds'; did you mean 'fold'?"),
                  HasSubstr("minimum_votes of the method 'mean'; of vote it is allowed"),
                  HasSubstr("unknown key 'votes'"), HasSubstr("[ensemble] method is missing"),
                  HasSubstr("[ensemble] name 'a' twice")));
}

TEST(Check, ATableOverWhatNoTrialHasIsAnError) {
  EXPECT_THAT(problems_of(study("[[table]]\nwhere = { attention = \"se\" }\nrows = [\"modl\"]\n")),
              ElementsAre("study.toml:7:9: [table] unknown knob 'modl'; did you mean 'model'?"));
  EXPECT_THAT(problems_of(study("[[table]]\nwhere = { attention = \"se\" }\n")),
              ElementsAre("study.toml:6:23: [table] no trial has attention = se"));
}

TEST(Check, EvaluationSaysWhichCheckpointHowOftenAndByWhat) {
  EXPECT_THAT(
      problems_of(study("[evaluate]\ncheckpoint = \"first\"\nevery = \"0 epochs\"\n[search]\n"
                        "early_stop = { metric = \"dise\", patience = 0 }\n")),
      ElementsAre("study.toml:6:14: [evaluate.checkpoint] 'first'; \"last\" or \"best:METRIC\" is "
                  "allowed",
                  "study.toml:7:9: [evaluate.every] '0 epochs'; \"1 epoch\" or \"500 steps\" is "
                  "allowed",
                  HasSubstr("[metric] unknown name 'dise'; did you mean 'dice'?"),
                  "study.toml:9:44: [early_stop.patience] 0; 1 or more is allowed"));
  const Study loaded = load_text(
      study("[evaluate]\ncheckpoint = \"best:dice\"\n[search]\nearly_stop = { metric = \"dice\", "
            "patience = 3 }\n"));
  EXPECT_THAT(loaded.trials[0].knobs,
              HasSubstr("\"early_stop\":{\"metric\":\"dice\",\"patience\":3}"));
}

TEST(Weights, OfABackboneAreAWordOrATableThatSaysSo) {
  const Study word = load_text(study("weights = \"imagenet\"\n"));
  const Study table = load_text(study("weights = { backbone = \"imagenet\" }\n"));
  EXPECT_EQ(word.trials[0].identity, table.trials[0].identity);
  EXPECT_THAT(problems_of(study("weights = { head = \"imagenet\" }\n")),
              ElementsAre(HasSubstr("[weights]")));
}

TEST(Split, TakesSharesCountsCasesSourcesAndFoldsAndNothingElse) {
  for (const char* validation :
       {"0.2", "4", "[\"case_1\"]", "\"source:testing\"", "{ folds = 5 }", "{ folds = \"file\" }"})
    EXPECT_FALSE(
        load_text(study("[split]\nvalidation = " + std::string(validation) + "\n")).trials.empty());
  for (const char* validation :
       {"1.5", "-1", "[3]", "\"testing\"", "{ folds = 1 }", "{ folds = \"fil\" }", "true"})
    EXPECT_EQ(problems_of(study("[split]\nvalidation = " + std::string(validation) + "\n")).size(),
              1U)
        << validation;
  EXPECT_THAT(problems_of(study("[split]\nvalidation = true\n")),
              ElementsAre(HasSubstr("[split.validation] true; a fraction between 0 and 1, a count, "
                                    "\"source:NAME\", a list of cases, { folds = 5 } or { folds = "
                                    "\"file\" } is allowed")));
  EXPECT_THAT(problems_of(study("[split]\nvalidation = { folds = \"fil\" }\n")),
              ElementsAre(HasSubstr("one of these is allowed: file")));
}

TEST(Table, IsThatOfTheVaryingAxesWithoutOne) {
  const Study loaded =
      load_text(study("[axes]\nattention = [\"none\", \"se\"]\ncolor_mode = [\"rgb\"]\n"));
  EXPECT_THAT(loaded.tables, ElementsAre("{\"rows\":[\"attention\"]}"));
}

/// unet with an option whose values are rows of a table of their own.
Schema schema_with_normalization() {
  static constexpr std::array kOptions{
      Knob{"normalization", KnobType::kName, "\"batch\"", "after each convolution"}};
  static constexpr std::array kGroups{Knob{"groups", KnobType::kInteger, "8", "of channels", 1}};
  Schema schema = example_schema();
  schema.kinds["model"].rows.front().options = kOptions;
  schema.kinds["model.normalization"] = {"normalization",
                                         {{{"batch", "batch", "", "a row of a test"}, {}},
                                          {{"group", "group", "", "a row of a test"}, kGroups}}};
  return schema;
}

TEST(Options, ThatAreRowsMatchAndAreShownByTheirName) {
  const std::string text =
      "[trial]\ndataset = \"a.h5\"\nmodel = \"unet\"\n[axes]\n"
      "\"model.normalization\" = [\"batch\", \"group\"]\n[[when]]\n"
      "match = { \"model.normalization\" = \"group\" }\nset = { epochs = 77 }\n";
  const Study loaded = load_text(text, {}, schema_with_normalization());
  EXPECT_THAT(names_of(loaded), ElementsAre("batch", "group-8"));
  EXPECT_THAT(loaded.trials[0].knobs, Not(HasSubstr("\"epochs\":77")));
  EXPECT_THAT(loaded.trials[1].knobs, HasSubstr("\"epochs\":77"));
  EXPECT_THAT(names_of(load_text(text, {{}, {"model.normalization=batch"}, UnknownNames::kRefuse},
                                 schema_with_normalization())),
              ElementsAre("batch"));
}

TEST(Set, WinsOverTrialAxesAndWhenAndIsRecorded) {
  const Study loaded = load_text(
      study("[axes]\nattention = [\"none\", \"se\"]\nepochs = [5, 6]\n[[when]]\nmatch = { "
            "attention = "
            "\"se\" }\nset = { batch_size = 2 }\n[repeat]\nseeds = [0, 1]\n"),
      {{"epochs=2", "batch_size=16", "repeat.seeds=[7]", "optimizer=adam", "title=Short one"},
       {},
       UnknownNames::kRefuse});
  ASSERT_EQ(loaded.trials.size(), 2U);
  EXPECT_THAT(loaded.trials[1].knobs, HasSubstr("\"batch_size\":16"));
  EXPECT_THAT(loaded.trials[1].knobs, HasSubstr("\"epochs\":2,"));
  EXPECT_THAT(loaded.trials[1].knobs, HasSubstr("\"name\":\"adam\""));
  EXPECT_EQ(loaded.trials[1].seed, 7);
  EXPECT_EQ(loaded.title, "Short one");
  EXPECT_THAT(loaded.notes, Contains("--set epochs=2"));
}

TEST(Only, KeepsWhatFitsUnderTheNamesOfTheWhole) {
  const std::string text =
      study("[axes]\nattention = [\"none\", \"se\", \"pam\"]\n[repeat]\nseeds = [0, 1]\n");
  EXPECT_THAT(names_of(load_text(text, {{}, {"attention=se", "seed=1"}, UnknownNames::kRefuse})),
              ElementsAre("se-s1"));
  EXPECT_THAT(names_of(load_text(
                  text, {{}, {"attention=se", "attention=pam", "seed=0"}, UnknownNames::kRefuse})),
              ElementsAre("se-s0", "pam-s0"));
  EXPECT_THAT(names_of(load_text(text, {{}, {"name=pam-s1"}, UnknownNames::kRefuse})),
              ElementsAre("pam-s1"));
  EXPECT_THAT(problems_of(text, {{}, {"attention=ag"}, UnknownNames::kRefuse}),
              Contains(HasSubstr("--only attention:1:1: [attention] unknown name 'ag'")));
}

TEST(DataFile, MissingMeansPendingAndIsNamed) {
  const Study loaded = load_text("[trial]\ndataset = \"missing.h5\"\nmodel = \"unet\"\n");
  EXPECT_EQ(loaded.trials[0].identity, "pending");
  ASSERT_EQ(loaded.missing.size(), 1U);
  EXPECT_THAT(loaded.missing[0], HasSubstr("missing.h5: there is no such file"));
}

TEST(Names, AListOfLossesIsAWeightedSum) {
  const Study loaded =
      load_text(study("loss = [\"dice\", { name = \"cross_entropy\", weight = 0.5 }]\n"));
  EXPECT_THAT(loaded.trials[0].knobs,
              HasSubstr("\"loss\":[{\"name\":\"dice\",\"smooth\":1,\"weight\":1},"
                        "{\"name\":\"cross_entropy\",\"weight\":0.5}]"));
}

TEST(Names, AListOfAugmentationsIsAppliedInItsOrder) {
  const Study loaded =
      load_text(study("augmentation = [\"flip_rotate\", { name = \"blur\", sigma = 3 }]\n"));
  EXPECT_THAT(loaded.trials[0].knobs, HasSubstr("\"augmentation\":[{\"name\":\"flip_rotate\"},"
                                                "{\"name\":\"blur\",\"sigma\":3}]"));
  EXPECT_NE(loaded.trials[0].identity,
            load_text(study("augmentation = [{ name = \"blur\", sigma = 3 }, \"flip_rotate\"]\n"))
                .trials[0]
                .identity);
  EXPECT_THAT(problems_of(study("augmentation = { name = \"blur\", weight = 2 }\n")),
              Contains(HasSubstr("unknown option 'weight'")));
}

TEST(Names, AListOfAugmentationsAsOneValueOfAnAxisHasAName) {
  const std::string text = study("") +
                           "[define.augmentation]\n"
                           "strong = [\"flip_rotate\", \"blur\"]\n"
                           "[axes]\naugmentation = [\"none\", \"blur\", \"strong\"]\n";
  EXPECT_THAT(names_of(load_text(text)), ElementsAre("none", "blur", "strong"));
  EXPECT_THAT(names_of(load_text(text, {{}, {"augmentation=strong"}, UnknownNames::kRefuse})),
              ElementsAre("strong"));
  EXPECT_THAT(names_of(load_text(text, {{}, {"augmentation=blur"}, UnknownNames::kRefuse})),
              ElementsAre("blur"));
  const Study spliced = load_text(study("augmentation = [\"strong\", \"none\"]\n") +
                                  "[define.augmentation]\nstrong = [\"flip_rotate\", \"blur\"]\n");
  EXPECT_THAT(
      spliced.trials[0].knobs,
      HasSubstr(
          "[{\"name\":\"flip_rotate\"},{\"name\":\"blur\",\"sigma\":1},{\"name\":\"none\"}]"));
  const Study other = load_text(study("augmentation = \"blur\"\n"),
                                {{"augmentation.sigma=9"}, {}, UnknownNames::kRefuse});
  EXPECT_THAT(other.trials[0].knobs,
              HasSubstr("\"augmentation\":[{\"name\":\"blur\",\"sigma\":9}]"));
}

TEST(Names, AnOptionOfAnotherRowIsLeftOutAloudATypingMistakeIsRefused) {
  const Study loaded = load_text(study("attention = { name = \"none\", place = \"encoder\" }\n"));
  EXPECT_EQ(loaded.trials[0].identity, load_text(study("")).trials[0].identity);
  EXPECT_THAT(loaded.notes,
              Contains("study.toml:5:30: [attention] 'none' has no option place: left out"));
}

TEST(Notes, AreEmptyForAPlainStudy) {
  const Study loaded = load_text(study(""));
  EXPECT_THAT(loaded.notes, IsEmpty());
  EXPECT_THAT(loaded.missing, IsEmpty());
  EXPECT_THAT(loaded.trials[0].knobs, Not(HasSubstr("auto")));  // precision is resolved
}

}  // namespace
}  // namespace medsweep::sweeps
