#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "models/mask_rcnn/training_memory.h"
#include "tests/models/allocation_peak.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kCrowdHeight = 160, kCrowdWidth = 224;

/// So many small objects that as many positive regions are sampled as may be.
std::vector<MadeObject> crowded() {
  std::vector<MadeObject> objects;
  for (std::int64_t y = 0; y + 30 <= kCrowdHeight; y += 22)
    for (std::int64_t x = 0; x + 30 <= kCrowdWidth; x += 22)
      objects.push_back({{x, y, x + 30, y + 30}, 1});
  return objects;
}

double measured_peak(const MaskRcnnOptions& options, std::string_view layers) {
  MaskRcnn model(options);
  set_train_layers(model, layers);
  std::vector<std::string> tasks;
  for (const auto& task : options.tasks) tasks.push_back(task.name);
  const auto batch = made_batch({{kCrowdHeight, kCrowdWidth}, {kCrowdHeight, kCrowdWidth}},
                                {crowded(), crowded()}, 3, tasks);
  for (auto& parameter : model.parameters())
    if (parameter.requires_grad()) parameter.mutable_grad() = torch::zeros_like(parameter);
  const AllocationPeak allocated;
  mean_of(model.loss(batch)).backward();
  return static_cast<double>(allocated.bytes());
}

double estimated_bytes(const MaskRcnnOptions& options, std::string_view layers) {
  RcnnTrainingMemory memory(options);
  memory.train(layers);
  return static_cast<double>(memory.activation_bytes(2, {kCrowdHeight, kCrowdWidth}));
}

/// A small network whose parts have the proportions of a large one's.
MaskRcnnOptions proportioned() {
  MaskRcnnOptions options;
  options.backbone = "resnet18";
  options.pyramid_channels = 64;
  options.roi.representation = 256;
  options.roi.sampling.per_image = 128;
  options.rpn.anchors.sizes = {{16}, {32}, {64}, {128}, {256}};
  options.image.min_sizes = {192};
  options.image.max_size = 256;
  options.tasks = {{.classes = 3}};
  return options;
}

struct MemoryCase {
  const char* name;
  std::function<void(MaskRcnnOptions&)> change;
  const char* layers = "all";
};

class EveryDetectorsMemory : public testing::TestWithParam<MemoryCase> {};

TEST_P(EveryDetectorsMemory, IsWithinAQuarterOfTheMeasuredPeak) {
  MaskRcnnOptions options = proportioned();
  GetParam().change(options);
  const double peak = measured_peak(options, GetParam().layers);
  const double estimate = estimated_bytes(options, GetParam().layers);
  RecordProperty("ratio", std::to_string(estimate / peak));
  EXPECT_GT(estimate, 0.75 * peak);
  EXPECT_LT(estimate, 1.25 * peak);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, EveryDetectorsMemory,
    testing::Values(
        MemoryCase{"masks", [](auto&) {}},
        MemoryCase{"boxes", [](auto& options) { options.outputs = RcnnOutputs::kBoxes; }},
        MemoryCase{"bfloat16", [](auto& options) { options.precision = Precision::kBf16; }},
        MemoryCase{"second_version", [](auto& options) { options.version = RcnnVersion::kV2; }},
        MemoryCase{"matterport",
                   [](auto& options) {
                     const auto image = options.image;
                     options = matterport_profile(options);
                     options.image = image;
                     options.roi.sampling.per_image = 128;
                     // Untrained proposals alone would not give as many positive regions.
                     options.roi.ground_truth = GroundTruthProposals::kAppended;
                   }},
        MemoryCase{"resnet50", [](auto& options) { options.backbone = "resnet50"; }},
        MemoryCase{"two_tasks",
                   [](auto& options) {
                     options.tasks = {{.name = "lv"}, {.name = "myo"}};
                     options.share = FeatureShare::kMean;
                   }},
        MemoryCase{"attention",
                   [](auto& options) {
                     options.attention["mask_head"] = {.name = "relative_self_attention"};
                   }},
        MemoryCase{"attention_on_maps",
                   [](auto& options) {
                     options.backbone_options.attention["c4"] = {.name = "self_attention"};
                   }},
        MemoryCase{"heads", [](auto&) {}, "heads"}, MemoryCase{"resnet4", [](auto&) {}, "resnet4+"},
        MemoryCase{"rpn", [](auto&) {}, "rpn"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(RcnnTrainingMemoryTest, FrozenLayersKeepLess) {
  RcnnTrainingMemory memory(proportioned());
  std::vector<std::int64_t> bytes;
  for (const char* layers : {"rpn", "heads", "resnet5+", "resnet4+", "resnet3+", "all"}) {
    memory.train(layers);
    bytes.push_back(memory.activation_bytes(2, {kCrowdHeight, kCrowdWidth}));
  }
  EXPECT_TRUE(std::is_sorted(bytes.begin(), bytes.end()));
  EXPECT_LT(static_cast<double>(bytes[1]), 0.8 * static_cast<double>(bytes.back()));
}

TEST(RcnnTrainingMemoryTest, ImagesCountAtTheSizeThatTheyAreBroughtTo) {
  auto options = proportioned();
  RcnnTrainingMemory enlarged(options);
  EXPECT_EQ(enlarged.activation_bytes(1, {24, 32}), enlarged.activation_bytes(1, {192, 256}));
  options.image.resize = RcnnResize::kNone;
  RcnnTrainingMemory plain(options);
  EXPECT_LT(plain.activation_bytes(1, {24, 32}), plain.activation_bytes(1, {192, 256}));
}

}  // namespace
}  // namespace medsweep::models
