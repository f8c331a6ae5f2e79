#include "runner/trial_rules.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "models/attention/attention.h"
#include "models/mask_rcnn/rcnn_networks.h"
#include "models/segmentation/networks.h"
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
  EXPECT_EQ(refusal("model = \"unet\"\nattention = \"attention_gate\"\n"), "");
  EXPECT_EQ(refusal("model = \"unet\"\nattention = \"dual\"\n"), "");
  EXPECT_EQ(refusal("model = \"unet_resnet\"\nbackbone = \"densenet121\"\npatch = [50, 64]\n"
                    "attention = { name = \"se\", place = [\"encoder4\", \"skip\"] }\n"),
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
        std::pair{"model = \"unet\"\nloss = \"contrastive\"\n", "[loss] 'contrastive' alone"},
        std::pair{"model = \"unet\"\nclasses = [\"lv\"]\n"
                  "loss = { name = \"cbl\", class_weights = [1, 2, 3] }\n",
                  "[loss.cbl] class_weights [1, 2, 3]; 2 numbers of at least 0"},
        std::pair{"model = \"unet\"\nloss = { name = \"dice\", background = true }\n"
                  "activation = \"sigmoid\"\n",
                  "[loss.dice] the background of sigmoid"},
        std::pair{"model = { name = \"torchscript\", file = \"net.onnx\" }\n",
                  "a .pt or .pth file is allowed"},
        std::pair{"model = { name = \"torchscript\", file = \"net.pt\" }\nranks_per_trial = 2\n",
                  "[ranks_per_trial] 2: a torchscript network's normalisations"},
        std::pair{"model = { name = \"torchscript\", file = \"net.pt\", size_multiple = 8 }\n"
                  "patch = [60, 64]\n",
                  "[patch] 60; torchscript takes multiples of 8"},
        std::pair{"model = { name = \"torchscript\", file = \"" MEDSWEEP_SOURCE_DIR
                  "/tests/golden/torchscript.pt\" }\nloss = [\"bce\", \"contrastive\"]\n",
                  "a network without decoder features"},
        std::pair{"model = \"unet\"\ntasks = [[\"lv\"], [\"myo\"]]\n", "[tasks]"},
        std::pair{"model = \"unet\"\nweights = \"other\"\n",
                  "[weights] 'other'; a .safetensors, .pth or .pt file"},
        std::pair{"model = \"unet\"\nbackbone = \"resnet18\"\n",
                  "[backbone] 'resnet18' in unet; 'none' is allowed, others in mask_rcnn"},
        std::pair{"model = \"unet\"\nattention = { name = \"se\", place = \"encoder4\" }\n",
                  "[attention.place] 'encoder4'; all, bottleneck, decoder, decoder0"},
        std::pair{"model = \"unet\"\nattention = \"pam\"\n",
                  "[attention] 'pam' in a network of 2 dimensions; networks of 3 are allowed"},
        std::pair{"model = \"unet\"\n"
                  "attention = { name = \"attention_gate\", place = \"bottleneck\" }\n",
                  "[attention.place] 'bottleneck'; skip, skip0, skip1, skip2, skip3 are allowed"},
        std::pair{"model = \"mask_rcnn\"\nattention = \"attention_gate\"\n",
                  "place = \"skip\" of a U-Net is allowed"},
        std::pair{"model = \"unet\"\nattention = { name = \"stn\", place = \"encoder\" }\n",
                  "[attention.place] 'encoder'; input are allowed"},
        std::pair{"model = \"sa_unet\"\nattention = \"split\"\n",
                  "[attention] a block in a network that has no place for it; unet has"},
        std::pair{"model = \"unet\"\nattention = { name = \"split\", place = \"skip\" }\n",
                  "[attention.place] 'skip'; all, bottleneck, decoder, decoder0"},
        std::pair{"model = \"unet\"\nattention = \"split\"\nbatch_size = 1\n",
                  "[attention.split] 1 sample a batch normalisation"},
        std::pair{"model = \"mask_rcnn\"\nattention = \"cs\"\n", "networks of 3 are allowed"},
        std::pair{"model = \"unet\"\nattention = { name = \"spatial\", kernel_size = 4 }\n",
                  "kernel size 4; odd ones are allowed"},
        std::pair{"model = \"sa_unet\"\npatch = [48, 64]\n",
                  "drop_block = 7 and depth = 4 on 48 x 64; sides of at least 56"},
        std::pair{
            "model = \"deeplabv3\"\nbatch_size = 1\n",
            "[batch_size] 1 sample a batch normalisation in deeplabv3 on resnet50; at least 2"},
        std::pair{"model = \"deeplabv3\"\nbackbone = \"vgg16_bn\"\n",
                  "[backbone.vgg16_bn] dilated stages"},
        std::pair{"model = \"fcn_resnet50\"\nbackbone = \"resnet18\"\n",
                  "[backbone] 'resnet18' in fcn_resnet50; 'none' is allowed"},
        std::pair{"model = \"fcn8s\"\npatch = [48, 64]\n",
                  "[patch] 48; fcn8s takes multiples of 32"},
        std::pair{"model = \"fcn_resnet50\"\nattention = { name = \"se\", place = \"skip\" }\n",
                  "[attention.place] 'skip'; all, bottleneck, encoder, encoder1"},
        std::pair{"model = \"mask_rcnn\"\nfeature_share = \"mean\"\n",
                  "[feature_share] \"mean\" with 0 tasks"},
        std::pair{"model = \"mask_rcnn\"\nbackbone = \"densenet121\"\n"
                  "train_layers = \"resnet4+\"\n",
                  "[train_layers] 'resnet4+' of densenet121; all, heads, rpn are allowed"},
        std::pair{"model = \"mask_rcnn\"\npatch = [64, 64]\n", "takes whole images"},
        std::pair{"model = { name = \"mask_rcnn\", anchor_sizes = [16, 32, 64, 128] }\n", "anchor"},
        std::pair{"model = { name = \"mask_rcnn\", mini_masks = [56] }\n",
                  "[model.mini_masks] 1 numbers; [height, width], or []"},
        std::pair{"model = \"mask_rcnn\"\ngroup_by = \"aspect\"\n",
                  "[group_by] 'aspect'; one of these is allowed: none aspect_ratio"},
        std::pair{"model = \"unet3d\"\n", "[color_mode] \"rgb\" of volumes; \"all\" is allowed"},
        std::pair{"model = \"unet3d\"\ncolor_mode = \"all\"\npatch = [16, 16]\n",
                  "[patch] 2 numbers; unet3d takes [depth, height, width]"},
        std::pair{"model = \"unet3d\"\ncolor_mode = \"all\"\npatch = [6, 16, 16]\n",
                  "[patch] 6 x 16 x 16; unet3d takes sides of at least 8, one of at least 16"},
        std::pair{"model = \"unet3d_original\"\ncolor_mode = \"all\"\npatch = [12, 16, 16]\n",
                  "[patch] 12; unet3d_original takes multiples of 8"},
        std::pair{"model = \"unet3d\"\ncolor_mode = \"all\"\nresize = \"pad\"\nsize = [64, 64]\n",
                  "[resize] \"pad\" of volumes; \"none\" is allowed"},
        std::pair{"model = { name = \"unet3d\", order = \"pi\" }\ncolor_mode = \"all\"\n",
                  "[order] 'pi'; one c (convolution)"},
        std::pair{"model = \"deeplabv3\"\nattention = \"cam\"\n",
                  "[attention] 'cam' in deeplabv3, whose features it does not see"},
        std::pair{"model = \"h_denseunet\"\ncolor_mode = \"all\"\npatch = [12, 24, 64]\n",
                  "[patch] 12 x 24 x 64; h_denseunet takes heights and widths of at least 32"},
        std::pair{"model = \"deepmedic\"\ncolor_mode = \"all\"\npatch = [48, 57, 57]\n",
                  "[patch] 48 x 57 x 57; deepmedic takes sides of at least 51"},
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

/// The lines of a study in which a row of a kind may stand.
std::string lines_around(const std::string& knob, std::string_view row) {
  const std::string objects = "model = \"mask_rcnn\"\ntasks = [[\"lv\"], [\"myo\"]]\n";
  const std::string volumes = "color_mode = \"all\"\n";
  if (knob == "model")
    return models::is_rcnn(row) || models::network_dimensions(row) == 2 ? "" : volumes;
  if (knob == "backbone" || knob == "feature_share") return objects;
  if (knob == "attention") {
    const models::AttentionTraits traits = models::attention_traits(row);
    if (traits.least_dimensions == 3) return "model = \"unet3d\"\npatch = [16, 16, 16]\n" + volumes;
    if (traits.role == models::AttentionRole::kModule) return objects;
  }
  return knob == "resize" ? "model = \"unet\"\nsize = [64, 64]\n" : "model = \"unet\"\n";
}

/// The row as a study says it.
std::string value_of(std::string_view row) {
  if (row == "contrastive") return "[\"bce\", \"contrastive\"]";
  if (row == "torchscript")
    return "{ name = \"torchscript\", file = \"" MEDSWEEP_SOURCE_DIR
           "/tests/golden/torchscript.pt\" }";
  return fmt::format("\"{}\"", row);
}

TEST(Knobs, EveryRowOfEveryKindStandsInAStudy) {
  const sweeps::Schema schema = make_schema();
  for (const auto& [knob, kind] : schema.kinds)
    for (const auto& named : kind.rows) {
      if (knob.find('.') != std::string::npos || knob == "ensemble") continue;  // of [[ensemble]]
      const std::string lines =
          lines_around(knob, named.row.name) + knob + " = " + value_of(named.row.name) + "\n";
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
