#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "datasets/converters/converters.h"
#include "runner/knobs.h"
#include "runner/plan.h"
#include "runner/training.h"
#include "tests/models/allocation_peak.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

/// Studies of made-up hearts: 8 slices of 128 x 128 to train on.
class Plan : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::path(testing::TempDir()) / "medsweep_plan";
    fs::create_directories(folder_);
    datasets::convert("phantom", {.source = {},
                                  .output = folder_ / "hearts.h5",
                                  .phantom = {.patients = 2, .slices = 4, .size = 128}});
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  /// `lines` of [trial] beside what is the same in all.
  static sweeps::Study study(const std::string& lines, const std::string& tables = "") {
    const fs::path path = folder_ / "study.toml";
    std::ofstream(path) << "name = \"plan\"\n[trial]\ndataset = \"hearts.h5\"\n"
                           "color_mode = \"gray\"\nnormalize = \"minmax\"\nprecision = \"fp32\"\n"
                           "optimizer = { name = \"sgd\", momentum = 0.9 }\nbatch_size = 8\n"
                        << lines << "\n[split]\nvalidation = 1\n"
                        << tables;
    return sweeps::load_study(path, make_schema());
  }

  static TrialCost cost(const std::string& lines, Probe probe = Probe::kNo) {
    return plan_costs(study(lines), {folder_ / "runs"}, probe).costs.at(0);
  }

  /// What two steps of the training allocate at most, network and optimizer included.
  static double trained_bytes(const std::string& lines) {
    const TrialSettings settings = read_settings(study(lines).trials.at(0));
    const TrialData data = open_trial_data(settings);
    const auto group = single_communicator();
    TrialReport report;
    const TrainerContext context{*group, report, [] { return false; }, {}};
    const AllocationPeak allocated;
    Training training(settings, data, context);
    training.model->train();
    training.loader->seek(0, 0);
    for (int step = 0; step < 2; ++step) {
      training.step->run([&] { return training.loader->next().value(); }, false);
      training.optimizer->step();
      training.optimizer->drop_gradients();
    }
    return static_cast<double>(allocated.bytes());
  }

  static fs::path folder_;
};

fs::path Plan::folder_;

/// A network that finds objects, of which some parts are smaller than by default. Regions count as
/// positive from `iou` on: from 0.1 as many are as may be sampled, also before it was trained.
std::string finder(const std::string& name, const std::string& lines = "", double iou = 0.1) {
  return fmt::format(
      "backbone = \"resnet18\"\nmodel = {{ name = \"{}\", image_resize = \"none\", "
      "anchor_sizes = [8, 16, 32, 64, 128], pyramid_channels = 64, representation = 128, "
      "roi_per_image = 64, roi_foreground_iou = {}, roi_background_iou = {} }}\n{}",
      name, iou, iou, lines);
}

class PlannedMemory : public Plan, public testing::WithParamInterface<std::string> {};

TEST_P(PlannedMemory, IsWithinAQuarterOfWhatTrainingTakes) {
  const auto planned = static_cast<double>(cost(GetParam()).memory_bytes.value());
  const double trained = trained_bytes(GetParam());
  RecordProperty("ratio", fmt::format("{:.3f}", planned / trained));
  EXPECT_GT(planned, 0.75 * trained);
  EXPECT_LT(planned, 1.25 * trained);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, PlannedMemory,
    testing::Values("model = { name = \"unet\", width = 16 }\n",
                    "model = { name = \"unet\", width = 16 }\nattention = \"scse\"\n",
                    "model = \"sa_unet\"\n", finder("mask_rcnn"),
                    finder("mask_rcnn", "train_layers = \"heads\"\n"),
                    finder("mask_rcnn", "micro_batch_size = 4\nbatch_statistics = \"frozen\"\n"),
                    finder("mask_rcnn_v2"), finder("faster_rcnn")));

TEST_F(Plan, ANetworkThatFindsLittleTakesNoMoreThanPlanned) {
  for (const std::string& lines : {finder("mask_rcnn", "", 0.5), finder("mask_rcnn_v2", "", 0.5),
                                   finder("mask_rcnn", "train_layers = \"heads\"\n", 0.5)})
    EXPECT_GT(static_cast<double>(cost(lines).memory_bytes.value()), trained_bytes(lines)) << lines;
}

TEST_F(Plan, AttentionCounts) {
  const auto parameters = [](const std::string& attention) {
    return cost("model = { name = \"unet\", width = 16 }\nattention = " + attention)
        .parameters.value();
  };
  // At 256 channels: two linear layers by way of 16.
  EXPECT_EQ(parameters("{ name = \"se\", place = \"bottleneck\" }\n"),
            parameters("\"none\"\n") + 2 * 16 * 256 + 16 + 256);
  EXPECT_GT(parameters("\"se\"\n"), parameters("{ name = \"se\", place = \"bottleneck\" }\n"));
}

TEST_F(Plan, FrozenLayersTakeLessMemory) {
  const TrialCost all = cost(finder("mask_rcnn")),
                  heads = cost(finder("mask_rcnn", "train_layers = \"heads\"\n"));
  EXPECT_EQ(all.parameters, heads.parameters);
  EXPECT_EQ(all.frozen, 0);
  EXPECT_GT(heads.frozen, 11'000'000);
  // Gradient and momentum of the frozen parameters, and the activations before them.
  EXPECT_LT(*heads.memory_bytes, *all.memory_bytes - 8 * heads.frozen);
}

TEST_F(Plan, TheStageThatTakesTheMostDecidesTheMemory) {
  const TrialCost staged = cost(
      finder("mask_rcnn",
             "stages = [{ layers = \"heads\", epochs = 1 }, { layers = \"all\", epochs = 1 }]\n"));
  EXPECT_EQ(staged.memory_bytes, cost(finder("mask_rcnn")).memory_bytes);
  EXPECT_GT(staged.frozen, 0);
}

TEST_F(Plan, AStepInPiecesTakesLessMemory) {
  const std::string pieces = "micro_batch_size = 2\nbatch_statistics = \"frozen\"\n";
  const std::string whole = "batch_statistics = \"frozen\"\n";
  for (const std::string& network :
       {finder("mask_rcnn"), std::string("model = { name = \"unet\", width = 16 }\n")})
    EXPECT_LT(cost(network + pieces).memory_bytes, cost(network + whole).memory_bytes) << network;
}

TEST_F(Plan, WithoutAProbeHoursAreUnknown) {
  const TrialCost plain = cost(finder("mask_rcnn"));
  EXPECT_FALSE(plain.hours.has_value());
  EXPECT_EQ(plain.source, HoursSource::kUnknown);
}

TEST_F(Plan, AProbeTimesEveryNetwork) {
  for (const std::string& lines :
       {std::string("model = { name = \"unet\", width = 4 }\n"), finder("mask_rcnn"),
        finder("faster_rcnn"), finder("mask_rcnn", "weights = \"last\"\n"),
        finder("mask_rcnn", "tasks = [[\"lv\"], [\"myo\"]]\nfeature_share = \"mean\"\n")}) {
    const TrialCost probed = cost(lines, Probe::kYes);
    EXPECT_GT(probed.hours.value_or(0), 0) << lines;
    EXPECT_EQ(probed.source, HoursSource::kProbe) << lines;
  }
}

TEST_F(Plan, AKindOfTrialIsProbedOnce) {
  const auto plan = plan_costs(study(finder("mask_rcnn"), "[repeat]\nseeds = [0, 1]\n"),
                               {folder_ / "runs"}, Probe::kYes);
  ASSERT_EQ(plan.costs.size(), 2U);
  EXPECT_EQ(plan.costs[0].hours.value(), plan.costs[1].hours.value());
}

TEST_F(Plan, HoursAreTheSumOfTheStages) {
  const auto hours = [](const std::string& stages) {
    return cost(finder("mask_rcnn", "stages = [" + stages + "]\n"), Probe::kYes).hours.value();
  };
  const std::string rpn = "{ layers = \"rpn\", epochs = 40 }";
  const std::string all = "{ layers = \"all\", epochs = 40 }";
  EXPECT_LT(hours(rpn), hours(all));
  EXPECT_GT(hours(rpn + ", " + all), hours(rpn));
}

}  // namespace
}  // namespace medsweep::runner
