#include "runner/trial_rules.h"

#include <gtest/gtest.h>

#include <fstream>

#include "runner/knobs.h"
#include "runner/settings.h"
#include "runner/trial_rcnn.h"
#include "sweeps/study.h"

namespace medsweep::runner {
namespace {

/// What a study with these lines in [trial] is refused with; empty when it is taken.
std::string refusal(const std::string& lines) {
  const std::string path = testing::TempDir() + "/medsweep_rules.toml";
  std::ofstream(path) << "name = \"rules\"\n[trial]\ndataset = \"absent.h5\"\n" << lines;
  try {
    sweeps::load_study(path, make_schema());
    return {};
  } catch (const sweeps::StudyError& error) {
    return error.what();
  }
}

TEST(TrialRules, AnOrdinaryTrialIsTaken) {
  EXPECT_EQ(refusal("model = \"unet\"\n"), "");
  EXPECT_EQ(refusal("model = \"sa_unet\"\npatch = [56, 64]\n"
                    "attention = { name = \"se\", place = [\"encoder2\", \"skip\"] }\n"),
            "");
}

class EveryRule : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(EveryRule, RefusesWithWhatWasGotAndWhatIsAllowed) {
  const auto [lines, text] = GetParam();
  EXPECT_NE(refusal(lines).find(text), std::string::npos) << lines << "\n" << refusal(lines);
}

INSTANTIATE_TEST_SUITE_P(
    Table, EveryRule,
    testing::Values(
        std::pair{"model = \"unet\"\npatch = [100, 128]\n",
                  "[patch] 100; unet takes multiples of 16"},
        std::pair{"model = \"unet\"\nresize = \"pad\"\n",
                  "[size] 0 numbers; resize = \"pad\" needs [height, width]"},
        std::pair{"model = \"unet\"\nbatch_size = 1\nranks_per_trial = 2\n",
                  "[batch_size] 1 leaves a rank of 2 without a sample; at least 2 is allowed"},
        std::pair{"model = \"unet\"\nbatch_statistics = \"per_shard\"\nshards = 3\n"
                  "ranks_per_trial = 2\n",
                  "[shards] 3 with batch_size = 8 on 2 ranks a trial"},
        std::pair{"model = \"unet\"\nmicro_batch_size = 2\n",
                  "[micro_batch_size] 2 with batch_statistics = \"synchronized\""},
        std::pair{"model = \"unet\"\nmetrics = [\"dise\"]\n", "did you mean 'dice'"},
        std::pair{"model = \"unet\"\nloss = \"bce\"\nactivation = \"softmax\"\n", "bce"},
        std::pair{"model = \"unet\"\ntasks = [[\"lv\"], [\"myo\"]]\n", "[tasks]"},
        std::pair{"model = \"unet\"\nweights = \"other\"\n",
                  "[weights] 'other'; a .safetensors, .pth or .pt file"},
        std::pair{"model = \"unet\"\nbackbone = \"resnet18\"\n",
                  "[backbone] 'resnet18' in unet; 'none' is allowed, others in mask_rcnn"},
        std::pair{"model = \"unet\"\nattention = { name = \"se\", place = \"encoder4\" }\n",
                  "[attention.place] 'encoder4'; all, bottleneck, decoder, decoder0"},
        std::pair{"model = \"unet\"\nattention = { name = \"spatial\", kernel_size = 4 }\n",
                  "kernel size 4; odd ones are allowed"},
        std::pair{"model = \"sa_unet\"\npatch = [48, 64]\n",
                  "drop_block = 7 and depth = 4 on 48 x 64; sides of at least 56"},
        std::pair{"model = \"mask_rcnn\"\nfeature_share = \"mean\"\n",
                  "[feature_share] \"mean\" with 0 tasks"},
        std::pair{"model = \"mask_rcnn\"\npatch = [64, 64]\n", "takes whole images"},
        std::pair{"model = { name = \"mask_rcnn\", anchor_sizes = [16, 32, 64, 128] }\n", "anchor"},
        std::pair{"model = { name = \"mask_rcnn\", mini_masks = [56] }\n",
                  "[model.mini_masks] 1 numbers; [height, width], or []"},
        std::pair{"model = \"mask_rcnn\"\ngroup_by = \"aspect\"\n",
                  "[group_by] 'aspect'; one of these is allowed: none aspect_ratio"},
        std::pair{"model = \"unett\"\n", "did you mean 'unet'"}));

TEST(KnobsWithoutEffect, AreLeftOutOfTheIdentity) {
  const auto identity = [](const std::string& lines) {
    const std::string path = testing::TempDir() + "/medsweep_identity.toml";
    std::ofstream(path) << "name = \"rules\"\n[trial]\ndataset = \"absent.h5\"\nmodel = \"unet\"\n"
                        << lines;
    return sweeps::load_study(path, make_schema()).trials.front().settings;
  };
  EXPECT_EQ(identity(""), identity("overlap = 0.25\n")) << "whole images have no windows";
  EXPECT_NE(identity("patch = [64, 64]\n"), identity("patch = [64, 64]\noverlap = 0.25\n"));
  EXPECT_EQ(identity(""), identity("ranks_per_trial = 2\nworkers = 3\n"));
  EXPECT_EQ(identity(""), identity("threshold = 0.4\n")) << "softmax takes the most probable";
  EXPECT_NE(identity(""), identity("group_by = \"aspect_ratio\"\n"));
  for (const char* alike : {"patch = [64, 64]\n", "resize = \"pad\"\nsize = [64, 64]\n"})
    EXPECT_EQ(identity(alike), identity(std::string(alike) + "group_by = \"aspect_ratio\"\n"))
        << "all images have one shape";
  EXPECT_NE(identity("loss = \"bce\"\n"), identity("loss = \"bce\"\nthreshold = 0.4\n"));
}

TEST(Knobs, EveryRowOfEveryKindStandsInAStudy) {
  const sweeps::Schema schema = make_schema();
  for (const auto& [knob, kind] : schema.kinds)
    for (const auto& named : kind.rows) {
      if (knob.find('.') != std::string::npos || knob == "ensemble") continue;  // of [[ensemble]]
      const bool of_objects = knob == "backbone" || knob == "attention" || knob == "feature_share";
      std::string lines = knob == "model" ? "" : "model = \"unet\"\n";
      if (of_objects) lines = "model = \"mask_rcnn\"\ntasks = [[\"lv\"], [\"myo\"]]\n";
      if (knob == "resize") lines += "size = [64, 64]\n";
      lines += knob + " = \"" + std::string(named.row.name) + "\"\n";
      EXPECT_EQ(refusal(lines), "") << lines;
    }
}

TEST(Settings, EveryKnobOfTheTableIsRead) {
  const std::string path = testing::TempDir() + "/medsweep_settings.toml";
  std::ofstream(path)
      << "name = \"s\"\n[trial]\ndataset = \"absent.h5\"\nmodel = { name = \"unet\", "
         "width = 8, normalization = \"group\" }\nepochs = 7\nschedule = { name = "
         "\"multi_step\", milestones = [2, 4] }\n[evaluate]\ncheckpoint = "
         "\"best:dice\"\nevery = \"2 epochs\"\n";
  const TrialSettings settings =
      read_settings(sweeps::load_study(path, make_schema()).trials.front());
  EXPECT_EQ(settings.model.get("width", 0), 8);
  EXPECT_EQ(settings.model.name_of("normalization", "batch"), "group");
  EXPECT_EQ(settings.epochs, 7);
  EXPECT_EQ(settings.schedule.get("milestones", std::vector<std::int64_t>{}),
            (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(settings.evaluate.every_epochs, 2);
  EXPECT_EQ(settings.evaluate.checkpoint, "best:dice");
  EXPECT_NE(settings.precision, "auto") << "resolved when the study is expanded";
}

TEST(Settings, MiniMasksAreTheProfilesUnlessTheStudySaysIt) {
  const auto size = [](const std::string& lines) {
    const std::string path = testing::TempDir() + "/medsweep_minis.toml";
    std::ofstream(path) << "name = \"s\"\n[trial]\ndataset = \"absent.h5\"\n" << lines;
    return mini_mask_size(read_settings(sweeps::load_study(path, make_schema()).trials.front()));
  };
  EXPECT_EQ(size("model = \"mask_rcnn\"\n"), datasets::Extent{});
  EXPECT_EQ(size("model = { name = \"mask_rcnn\", mini_masks = [28, 40] }\n"),
            (datasets::Extent{28, 40}));
  const std::string matterport = "profile = \"matterport\"\n";
  EXPECT_EQ(size(matterport + "model = \"mask_rcnn\"\n"), (datasets::Extent{56, 56}));
  EXPECT_EQ(size(matterport + "model = { name = \"mask_rcnn\", mini_masks = [] }\n"),
            datasets::Extent{});
  EXPECT_EQ(size(matterport + "model = \"faster_rcnn\"\n"), datasets::Extent{});
  EXPECT_EQ(size("model = \"unet\"\n"), datasets::Extent{});
}

TEST(EpochsOf, TakesNumbersOfEpochsAlone) {
  EXPECT_EQ(epochs_of("1 epoch"), 1);
  EXPECT_EQ(epochs_of("5 epochs"), 5);
  for (const char* text : {"", "epoch", "0 epochs", "3", "2 steps"})
    EXPECT_THROW(epochs_of(text), std::invalid_argument) << text;
}

}  // namespace
}  // namespace medsweep::runner
