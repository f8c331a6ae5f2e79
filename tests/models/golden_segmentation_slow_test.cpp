#include <gmock/gmock.h>

#include <set>

#include "models/parameters.h"
#include "models/segmentation/networks.h"
#include "tests/models/backbones/golden_backbones.h"

namespace medsweep::models::golden {
namespace {

const nlohmann::json& segmentation_numbers() {
  static const nlohmann::json numbers = [] {
    std::ifstream file(path_of("segmentation_networks.json"));
    return nlohmann::json::parse(file);
  }();
  return numbers;
}

std::vector<std::size_t> numbers_below(std::size_t count) {
  std::vector<std::size_t> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = i;
  return all;
}

std::shared_ptr<SegmentationNetwork> network_of(const nlohmann::json& expected) {
  const nlohmann::json& given = expected["options"];
  NetworkOptions options;
  options.out_channels = given["out_channels"];
  options.width = given.value("width", options.width);
  options.depth = given.value("depth", options.depth);
  options.backbone = given.value("backbone", options.backbone);
  options.dropout = 0;
  auto network = make_network(expected["network"].get<std::string>(), options);
  fill_state(*network);
  network->train(expected["mode"] == "train");
  return network;
}

torch::Tensor images_of(const nlohmann::json& expected) {
  return uniform(kImages, expected["shape"].get<std::vector<std::int64_t>>());
}

/// Sum of the outputs times the targets' stream.
torch::Tensor loss_of(const std::vector<torch::Tensor>& outputs) {
  torch::Tensor loss = torch::zeros({}, torch::kDouble);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    loss =
        loss +
        (outputs[i] * uniform(kTargets + static_cast<std::uint32_t>(i), outputs[i].sizes())).sum();
  return loss;
}

/// Gradients of one network's parameters; those that are zero by construction only rounding.
void expect_gradients(const torch::nn::Module& network, const nlohmann::json& expected) {
  double largest = 0;
  for (const auto& [key, gradient] : expected.items())
    largest = std::max(largest, gradient["norm"].get<double>());
  EXPECT_EQ(network.named_parameters().size(), expected.size());
  for (const auto& parameter : network.named_parameters()) {
    ASSERT_TRUE(expected.contains(parameter.key())) << parameter.key();
    nlohmann::json gradient = expected[parameter.key()];
    if (gradient["norm"].get<double>() < 1e-10 * largest) {
      EXPECT_LE(parameter.value().grad().norm().item<double>(), 1e-9 * largest) << parameter.key();
      continue;
    }
    gradient["shape"] = parameter.value().sizes().vec();
    expect_held(parameter.key(), parameter.value().grad(), gradient, 1e-6);
  }
}

class EveryGoldenSegmentation : public testing::TestWithParam<std::size_t> {
 protected:
  const nlohmann::json expected_ = segmentation_numbers()["cases"][GetParam()];
};

TEST_P(EveryGoldenSegmentation, LogitsAndEveryGradientEqualTheOtherLibrarys) {
  const auto network = network_of(expected_);
  EXPECT_EQ(count_parameters(*network), expected_["parameters"].get<std::int64_t>());
  network->to(torch::kDouble);
  const auto outputs = network->forward_all(images_of(expected_).to(torch::kDouble));
  ASSERT_EQ(outputs.size(), expected_["logits"].size());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    expect_held("logits " + std::to_string(i), outputs[i], expected_["logits"][i], 1e-8);
  const torch::Tensor loss = loss_of(outputs);
  loss.backward();
  expect_gradients(*network, expected_["gradients"]);
}

// In training mode the statistics of a dozen values amplify rounding.
TEST_P(EveryGoldenSegmentation, LogitsInSinglePrecisionAndChannelsLastAreWithin1e5) {
  torch::NoGradGuard no_grad;
  const auto network = network_of(expected_);
  const auto outputs =
      network->forward_all(images_of(expected_).contiguous(at::MemoryFormat::ChannelsLast));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    expect_held("logits " + std::to_string(i), outputs[i], expected_["logits"][i],
                expected_["mode"] == "train" ? 1e-3 : 1e-5);
}

std::string name_of_network_case(const testing::TestParamInfo<std::size_t>& info) {
  const nlohmann::json& expected = segmentation_numbers()["cases"][info.param];
  return std::to_string(info.param) + "_" + expected["network"].get<std::string>() + "_" +
         expected["mode"].get<std::string>();
}

INSTANTIATE_TEST_SUITE_P(Table, EveryGoldenSegmentation,
                         testing::ValuesIn(numbers_below(segmentation_numbers()["cases"].size())),
                         name_of_network_case);

class EveryOtherGoldenBackbone : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryOtherGoldenBackbone, MapsKeysAndGradientsEqualTorchvisionsOrTimms) {
  const nlohmann::json& expected = segmentation_numbers()["backbones"][GetParam()];
  const auto backbone = make_backbone(expected["backbone"].get<std::string>(), {});
  EXPECT_EQ(count_parameters(*backbone), expected["parameters"].get<std::int64_t>());
  EXPECT_EQ(backbone->named_parameters().size() + backbone->named_buffers().size(),
            expected["keys"].get<std::size_t>());
  fill_state(*backbone);
  backbone->train(expected["mode"] == "train");
  backbone->to(torch::kDouble);
  const auto maps = backbone->levels(uniform(kImages, {2, 3, 64, 96}).to(torch::kDouble));
  ASSERT_EQ(maps.size(), expected["maps"].size());
  for (std::size_t i = 0; i < maps.size(); ++i)
    expect_held("C" + std::to_string(i + 1), maps[i], expected["maps"][i], 1e-8);
  if (expected["gradients"].empty()) return;
  loss_of(maps).backward();
  expect_gradients(*backbone, expected["gradients"]);
}

std::string name_of_backbone_case(const testing::TestParamInfo<std::size_t>& info) {
  const nlohmann::json& expected = segmentation_numbers()["backbones"][info.param];
  return expected["backbone"].get<std::string>() + "_" + expected["mode"].get<std::string>();
}

INSTANTIATE_TEST_SUITE_P(
    Table, EveryOtherGoldenBackbone,
    testing::ValuesIn(numbers_below(segmentation_numbers()["backbones"].size())),
    name_of_backbone_case);

TEST(GoldenSegmentation, EveryBackboneHasItsNumbers) {
  std::set<std::string> known;
  for (const auto& entry : segmentation_numbers()["backbones"])
    known.insert(entry["backbone"].get<std::string>());
  const nlohmann::json others = backbone_numbers();
  for (const auto& [name, count] : others["counts"].items()) known.insert(name);
  for (const Row& row : backbone_rows())
    EXPECT_TRUE(known.contains(std::string(row.name))) << row.name;
}

std::int64_t parameters_with(const std::string& name, std::int64_t out_channels,
                             const std::string& backbone, std::int64_t width = 64) {
  NetworkOptions options;
  options.out_channels = out_channels;
  options.backbone = backbone;
  options.width = width;
  return count_parameters(*make_network(name, options));
}

TEST(GoldenSegmentation, ParameterCountsAreTheOtherLibrarys) {
  const auto expected = [](const char* name) {
    return segmentation_numbers()["counts"][name]["parameters"].get<std::int64_t>();
  };
  EXPECT_EQ(parameters_with("fcn_resnet50", 21, ""), 35322218);
  EXPECT_EQ(parameters_with("fcn_resnet50", 21, ""), expected("fcn_resnet50"));
  EXPECT_EQ(parameters_with("fcn_resnet101", 21, ""), 54314346);
  EXPECT_EQ(parameters_with("deeplabv3", 21, ""), 42004074);
  EXPECT_EQ(parameters_with("deeplabv3", 21, "resnet101"), 60996202);
  EXPECT_EQ(parameters_with("unet_resnet", 1, "", 16), expected("unet_resnet50"));
  for (const char* backbone : {"resnet34", "resnet101", "resnext50_32x4d"})
    EXPECT_EQ(parameters_with("unet_resnet", 1, backbone, 16),
              expected(("unet_" + std::string(backbone)).c_str()));
  EXPECT_EQ(parameters_with("attention_unet", 1, ""), expected("attention_unet"));
  EXPECT_EQ(parameters_with("deeplabv3_plus", 1, ""), expected("deeplabv3_plus"));
  EXPECT_EQ(parameters_with("fcn8s", 1, "", 4096), expected("fcn8s"));
}

}  // namespace
}  // namespace medsweep::models::golden
