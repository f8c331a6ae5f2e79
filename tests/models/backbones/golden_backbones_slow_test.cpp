#include <gmock/gmock.h>

#include "models/precision.h"
#include "tests/models/backbones/golden_backbones.h"

namespace medsweep::models::golden {
namespace {

struct Detector {
  std::shared_ptr<Backbone> backbone;
  FeaturePyramid pyramid{nullptr};
};

Detector detector_of(const nlohmann::json& expected) {
  BackboneOptions options;
  if (expected["mode"] == "matterport") {
    options = matterport_backbone();
  } else if (expected["mode"] == "frozen") {
    options.normalization = "frozen_batch";
    options.eps = 0;
  }
  Detector detector;
  detector.backbone = make_backbone(expected["backbone"].get<std::string>(), options);
  FeaturePyramidOptions pyramid;
  pyramid.in_channels = detector.backbone->channels();
  pyramid.normalization = expected["pyramid"];
  detector.pyramid = FeaturePyramid(pyramid);
  for (torch::nn::Module* part : {static_cast<torch::nn::Module*>(detector.backbone.get()),
                                  static_cast<torch::nn::Module*>(detector.pyramid.get())}) {
    fill_state(*part);
    part->train(expected["mode"] == "train");
  }
  return detector;
}

const nlohmann::json& shared_numbers() {
  static const nlohmann::json numbers = backbone_numbers();
  return numbers;
}

torch::Tensor golden_images() {
  return uniform(kImages, shared_numbers()["shape"].get<std::vector<std::int64_t>>());
}

std::vector<std::size_t> case_numbers() {
  std::vector<std::size_t> all(shared_numbers()["cases"].size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

std::string case_name(const testing::TestParamInfo<std::size_t>& info) {
  const auto& expected = shared_numbers()["cases"][info.param];
  return expected["backbone"].get<std::string>() + "_" + expected["mode"].get<std::string>();
}

class EveryGoldenBackbone : public testing::TestWithParam<std::size_t> {
 protected:
  const nlohmann::json expected_ = shared_numbers()["cases"][GetParam()];
  Detector detector_ = detector_of(expected_);
};

TEST_P(EveryGoldenBackbone, FeaturesPyramidAndEveryGradientEqualTorchvision) {
  detector_.backbone->to(torch::kDouble);
  detector_.pyramid->to(torch::kDouble);
  const auto maps = detector_.backbone->forward(golden_images().to(torch::kDouble));
  const auto levels = detector_.pyramid->forward(maps);
  ASSERT_EQ(levels.size(), expected_["levels"].size());
  torch::Tensor loss = torch::zeros({}, torch::kDouble);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    expect_held("P" + std::to_string(i + 2), levels[i], expected_["levels"][i], 1e-8);
    const auto stream = kTargets + static_cast<std::uint32_t>(i);
    loss = loss + (levels[i] * uniform(stream, levels[i].sizes())).sum();
  }
  for (std::size_t i = 0; i < maps.size(); ++i)
    expect_held("C" + std::to_string(i + 2), maps[i], expected_["maps"][i], 1e-8);
  EXPECT_NEAR(loss.item<double>(), expected_["loss"].get<double>(), 1e-6);
  loss.backward();

  const auto body = detector_.backbone->named_parameters();
  EXPECT_EQ(body.size(), expected_["body"].size());
  for (const auto& parameter : body)
    expect_held(parameter.key(), parameter.value().grad(), expected_["body"][parameter.key()],
                1e-7);
  const auto pyramid = detector_.pyramid->named_parameters();
  EXPECT_EQ(pyramid.size(), expected_["fpn"].size());
  for (const auto& parameter : pyramid)
    expect_held(parameter.key(), parameter.value().grad(), expected_["fpn"][parameter.key()], 1e-7);
  if (expected_["running_mean"].is_null()) return;
  const auto state = state_of(*detector_.backbone);
  expect_held("running_mean", state.at("bn1.running_mean"), expected_["running_mean"], 1e-7);
  expect_held("running_var", state.at("bn1.running_var"), expected_["running_var"], 1e-7);
}

// A dozen values per statistic amplify rounding in training mode.
TEST_P(EveryGoldenBackbone, FeaturesInSinglePrecisionAndChannelsLastEqualTorchvision) {
  const double tolerance = expected_["mode"] == "train" ? 1e-3 : 1e-5;
  const auto maps =
      detector_.backbone->forward(golden_images().contiguous(at::MemoryFormat::ChannelsLast));
  const auto levels = detector_.pyramid->forward(maps);
  for (std::size_t i = 0; i < maps.size(); ++i)
    expect_held("C" + std::to_string(i + 2), maps[i], expected_["maps"][i], tolerance);
  for (std::size_t i = 0; i < levels.size(); ++i)
    expect_held("P" + std::to_string(i + 2), levels[i], expected_["levels"][i], tolerance);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryGoldenBackbone, testing::ValuesIn(case_numbers()), case_name);

// In training mode a dozen values per statistic amplify the rounding of bfloat16: not compared.
TEST(GoldenBackbones, FeaturesInBfloat16WithFixedStatisticsAreNearTorchvisions) {
  torch::NoGradGuard no_grad;
  for (const auto& expected : shared_numbers()["cases"]) {
    if (expected["mode"] == "train") continue;
    const Detector detector = detector_of(expected);
    const AutocastGuard autocast(Precision::kBf16, c10::DeviceType::CPU);
    const torch::Tensor images = golden_images().contiguous(at::MemoryFormat::ChannelsLast);
    const auto maps = detector.backbone->forward(images);
    for (std::size_t i = 0; i < maps.size(); ++i) {
      EXPECT_EQ(maps[i].scalar_type(), torch::kBFloat16);
      expect_held("C" + std::to_string(i + 2), maps[i], expected["maps"][i], 0.03);
    }
  }
}

TEST(GoldenBackbones, HaveTorchvisionsParameterCountsAndNumberOfKeys) {
  for (const auto& [name, expected] : shared_numbers()["counts"].items()) {
    const auto backbone = make_backbone(name, {});
    std::int64_t count = 0;
    for (const auto& parameter : backbone->parameters()) count += parameter.numel();
    EXPECT_EQ(count, expected["parameters"].get<std::int64_t>()) << name;
    EXPECT_EQ(backbone->named_parameters().size() + backbone->named_buffers().size(),
              expected["keys"].get<std::size_t>())
        << name;
  }
}

TEST(GoldenBackbones, KeysAreTorchvisions) {
  for (const auto& [name, expected] : shared_numbers()["keys"].items()) {
    const auto backbone = make_backbone(name, {});
    std::vector<std::string> keys = backbone->named_parameters().keys();
    for (const std::string& key : backbone->named_buffers().keys()) keys.push_back(key);
    EXPECT_THAT(keys, testing::UnorderedElementsAreArray(expected.get<std::vector<std::string>>()));
  }
}

}  // namespace
}  // namespace medsweep::models::golden
