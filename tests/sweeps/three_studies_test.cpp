// The three studies that the language was made for parse, plan and freeze.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sweeps/example_schema.h"

namespace medsweep::sweeps {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

constexpr std::string_view kAcdc = R"(name    = "acdc"
title   = "Heart: backbone, colour, attention, feature share"
extends = "base/mask_rcnn.toml"

[trial]
dataset = "${MEDSWEEP_STUDY_DATA}/acdc.h5"
model = "mask_rcnn"
classes = ["lv"]
epochs = 40
batch_size = 8
optimizer = { name = "sgd", learning_rate = 0.005, momentum = 0.9, weight_decay = 5e-4 }

[axes]
backbone      = ["resnet50", "resnet101"]
color_mode    = ["rgb", "gray"]
attention     = ["none", "self_attention", "relative_self_attention"]
feature_share = ["none", "mean", "concat"]
augmentation  = ["none", "flip_rotate"]

[[when]]
match = { feature_share = ["mean", "concat"] }
set   = { tasks = [["lv"], ["myo"]] }

[[when]]
match = { backbone = "resnet101" }
set   = { micro_batch_size = 2 }

[split]
validation = { folds = 5 }
stratify = "group"

[repeat]
seeds = [0, 1, 2]
folds = 5

[[table]]
caption = "Backbone and colour, left ventricle"
where   = { feature_share = "none", attention = "none", class = "lv" }
rows    = ["backbone", "color_mode"]
metrics = ["mask_iou", "mask_ap50"]
baseline = { backbone = "resnet50", color_mode = "rgb" }
)";

constexpr std::string_view kLungs = R"(name  = "lungs"
needs = ["lungs_unet.toml"]

[define.dataset]
pneumonia   = [{ file = "cxr_pneumonia.h5" }]
covid       = [{ file = "covid19_image.h5" }]
patients    = [{ file = "covid_patients.h5" }]
radiography = [{ file = "covid_radiography.h5" }]
all         = [{ file = "cxr_pneumonia.h5", weight = 0.5 }, { file = "covid19_image.h5", weight = 0.2 }, { file = "covid_patients.h5", weight = 0.3 }]

[trial]
model   = "mask_rcnn"
profile = "matterport"
classes = ["left_lung", "right_lung"]
stages  = [{ layers = "heads", epochs = 5, learning_rate = 1e-3 }, { layers = "all", epochs = 15, learning_rate = 2e-4 }]

[axes]
dataset = ["pneumonia", "covid", "patients", "radiography", "all"]

[evaluate]
datasets = ["montgomery.h5"]

[[ensemble]]
name = "bag5"
over = "dataset"
method = "vote"
minimum_votes = 3

[[table]]
rows = ["dataset"]
metrics = ["both_lungs_found", "mask_iou", "mask_ap50", "seconds_per_image"]
)";

constexpr std::string_view kZoo = R"(name = "zoo"

[define.attention]
cse = { name = "se", place = ["encoder", "decoder"], reduction = 8 }
pe  = { name = "project_excite", place = "encoder", reduction = 2 }
ag  = { name = "attention_gate", place = "skip" }
pam = { name = "pam", place = ["encoder", "decoder"], slice_reduction = 16, channel_reduction = 8 }

[define.dataset]
brats = { file = "brats18.h5", patch = [144, 224, 224], classes = ["wt", "tc", "et"], activation = "sigmoid" }
malc  = { file = "malc.h5", patch = [144, 176, 144] }
hvsmr = { file = "hvsmr.h5", patch = [128, 144, 192] }

[trial]
epochs = 80
optimizer = { name = "adam", learning_rate = 2e-3 }
schedule  = { name = "step", every_epochs = 10, factor = 0.1 }
loss = [{ name = "dice" }, { name = "cross_entropy" }]

[axes]
dataset   = ["brats", "malc", "hvsmr"]
model     = ["unet3d", "vnet"]
attention = ["none", "cse", "pe", "ag", "pam"]

[[when]]
match = { model = "vnet", attention = "pam" }
set   = { "attention.slice_reduction" = 8, "attention.channel_reduction" = 4 }

[[exclude]]
model = "vnet"
attention = ["pe", "ag"]

[[import]]
file = "published/pam_model_zoo.csv"

[[table]]
for_each = "dataset"
rows = ["attention"]
columns = ["model"]
metrics = ["dice"]
baseline = { attention = "none" }
)";

constexpr std::string_view kBase =
    "[trial]\nepochs = 12\nbatch_size = 2\nprofile = \"torchvision\"\n";

const StudyOptions kPlan{{}, {}, UnknownNames::kCollect};

class ThreeStudies : public testing::Test {
 protected:
  void SetUp() override {
    setenv("MEDSWEEP_STUDY_DATA", folder_.path().c_str(), 1);
    folder_.write("base/mask_rcnn.toml", kBase);
    folder_.write("lungs_unet.toml", "name = \"lungs_unet\"\n");
  }
  Study load(const std::string& name, std::string_view text, const Schema& schema) {
    return load_study(folder_.write(name + ".toml", text), schema, kPlan);
  }
  const StudyFolder folder_{"three_studies"};
};

TEST_F(ThreeStudies, HeartHasTheProductOfItsAxesSeedsAndFolds) {
  const Study study = load("acdc", kAcdc, example_schema());
  ASSERT_EQ(study.trials.size(), 2U * 2 * 3 * 3 * 2 * 3 * 5);
  EXPECT_THAT(study.unknown, testing::IsEmpty());
  EXPECT_THAT(study.missing, testing::IsEmpty());
  EXPECT_EQ(study.trials.front().name, "r50-rgb-s0-f0");
  EXPECT_EQ(study.trials.back().name, "r101-gray-relattn-concat-fliprot-s2-f4");
  EXPECT_THAT(names_of(study), Contains("r50-gray-relattn-s0-f2"));
  EXPECT_THAT(study.trials.front().knobs,
              AllOf(HasSubstr("\"micro_batch_size\":0"), HasSubstr("\"tasks\":[]"),
                    HasSubstr("\"epochs\":40"), HasSubstr("\"profile\":\"torchvision\""),
                    HasSubstr("\"split\":{\"by\":\"patient\",\"seed\":0,\"stratify\":\"group\","
                              "\"validation\":{\"folds\":5}}")));
  EXPECT_THAT(study.trials.back().knobs, AllOf(HasSubstr("\"micro_batch_size\":2"),
                                               HasSubstr("\"tasks\":[[\"lv\"],[\"myo\"]]")));
  EXPECT_EQ(study.tables.front(),
            R"({"baseline":{"backbone":"r50","color_mode":"rgb"},)"
            R"("caption":"Backbone and colour, left ventricle",)"
            R"("metrics":["mask_iou","mask_ap50"],"rows":["backbone","color_mode"],)"
            R"("where":{"attention":"none","class":"lv","feature_share":"none"}})");
}

TEST_F(ThreeStudies, LungsTrainOnMixturesAndHaveAnEnsemble) {
  const Study study = load("lungs", kLungs, example_schema());
  EXPECT_THAT(names_of(study),
              testing::ElementsAre("pneumonia", "covid", "patients", "radiography", "all"));
  EXPECT_THAT(study.unknown, testing::IsEmpty());
  EXPECT_THAT(study.ensembles, testing::ElementsAre(Ensemble{"bag5", "dataset", "vote", 3}));
  EXPECT_THAT(study.trials.back().knobs,
              AllOf(HasSubstr("covid19_image.h5\",\"weight\":0.2}"),
                    HasSubstr("{\"epochs\":5,\"layers\":\"heads\",\"learning_rate\":0.001}")));
}

TEST_F(ThreeStudies, ZooExcludesAndSetsOptionsWhereTheMatchHolds) {
  Schema schema = example_schema();
  for (NamedRow& named : schema.kinds["attention"].rows)
    if (named.row.name == "project_excite")
      named.options = schema.kinds["attention"].rows[1].options;
  const Study study = load("zoo", kZoo, schema);
  EXPECT_EQ(study.trials.size(), 3U * 2 * 5 - 3 * 2);
  ASSERT_EQ(study.excluded.size(), 6U);
  EXPECT_EQ(study.excluded.front().name, "brats-vnet-pe");
  EXPECT_EQ(study.excluded.front().reason,
            "zoo.toml:29:1: [[exclude]] model = vnet, attention = [pe, ag]");
  EXPECT_THAT(study.unknown,
              testing::ElementsAre("zoo.toml:33:3: [[import]] comes in a later version"));
  const auto knobs = [&](std::string_view name) {
    for (const Trial& trial : study.trials)
      if (trial.name == name) return trial.knobs;
    return std::string("no such trial");
  };
  EXPECT_THAT(knobs("brats-unet3d-pam"), HasSubstr("\"slice_reduction\":16"));
  EXPECT_THAT(knobs("brats-vnet-pam"),
              AllOf(HasSubstr("\"channel_reduction\":4"), HasSubstr("\"slice_reduction\":8"),
                    HasSubstr("\"patch\":[144,224,224]"), HasSubstr("\"activation\":\"sigmoid\"")));
  EXPECT_THAT(knobs("malc-vnet"), HasSubstr("\"activation\":\"softmax\""));
}

TEST_F(ThreeStudies, WithNetworksOfLaterVersionsPlanSaysWhichNamesAreUnknownAndNothingElse) {
  for (const auto& [name, text] :
       {std::pair{"acdc", kAcdc}, std::pair{"lungs", kLungs}, std::pair{"zoo", kZoo}}) {
    Schema schema = first_version_schema();
    schema.refuse = [](std::string_view) { return "a network that is not known was asked"; };
    const Study study = load(name, text, schema);
    EXPECT_FALSE(study.trials.empty()) << name;
    EXPECT_THAT(study.unknown,
                testing::Each(testing::AnyOf(HasSubstr("unknown"), HasSubstr("later"))))
        << name;
    EXPECT_GE(study.unknown.size(), 2U) << name;
  }
}

}  // namespace
}  // namespace medsweep::sweeps
