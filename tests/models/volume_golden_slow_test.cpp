#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "models/parameters.h"
#include "models/segmentation/networks.h"
#include "tests/models/golden_numbers.h"

namespace medsweep::models {
namespace {

/// The networks of tests/golden/volume_networks.py: PyTorch's and MONAI's, in double precision.
class VolumeGolden : public testing::TestWithParam<std::string> {};

nlohmann::json numbers_of(const std::string& network) {
  std::ifstream file(golden::path_of("volume_networks.json"));
  const auto numbers = nlohmann::json::parse(file);
  for (const nlohmann::json& one : numbers.at("networks"))
    if (one.at("network") == network) return one;
  throw std::invalid_argument(network + " has no golden numbers");
}

NetworkOptions options_of(const nlohmann::json& expected) {
  NetworkOptions options;
  options.in_channels = expected.at("shape").at(1);
  options.out_channels = expected.at("classes").get<std::int64_t>() + 1;
  const std::string name = expected.at("network");
  if (name.starts_with("unet3d")) options.widths = {4, 8, 16};
  if (name == "attention_unet3d") options.widths = {4, 8, 16, 32};
  if (name == "unet3d_original" || name == "attention_unet3d") {
    options.layer_order = "cbr";
    options.upsampling = Upsampling::kTransposed;
  }
  options.width = name == "vnet" || name == "voxresnet" ? 4 : 16;
  options.dropout = 0;
  if (name == "vnet_original") {  // MONAI's numbers of convolutions
    options.down_convolutions = {1, 2, 3, 2};
    options.up_convolutions = {2, 2, 1, 1};
  }
  return options;
}

TEST_P(VolumeGolden, LossLogitsAndGradientsAreThoseOfTheReference) {
  const nlohmann::json expected = numbers_of(GetParam());
  const auto shape = expected.at("shape").get<std::vector<std::int64_t>>();
  const auto network =
      make_network(expected.at("network").get<std::string>(), options_of(expected));
  golden::fill(*network);
  network->to(torch::kDouble);
  EXPECT_EQ(count_parameters(*network), expected.at("parameters").get<std::int64_t>());

  const NetworkOutputs outputs =
      network->outputs(golden::uniform(golden::kImages, shape).to(torch::kDouble));
  torch::Tensor labels =
      golden::integers(golden::kLabels, {shape[0], shape[2], shape[3], shape[4]},
                       static_cast<std::uint32_t>(expected.at("classes").get<std::int64_t>() + 1));
  for (std::int64_t axis = 1; axis < 4; ++axis)
    labels = labels.slice(axis, network->margin(), labels.size(axis) - network->margin());
  torch::Tensor loss = at::cross_entropy_loss(outputs.logits, labels);
  for (std::size_t i = 0; i < outputs.auxiliary.size(); ++i)
    loss = loss + network->auxiliary_heads()[i].weight *
                      at::cross_entropy_loss(outputs.auxiliary[i], labels);
  loss.backward();

  EXPECT_NEAR(loss.item<double>(), expected.at("loss").get<double>(), 1e-8);
  const torch::Tensor flat = outputs.logits.detach().flatten();
  const auto sampled =
      torch::tensor(expected.at("logits").get<std::vector<double>>(), torch::kDouble);
  EXPECT_LE(
      (flat.slice(0, 0, std::nullopt, expected.at("logits_step").get<std::int64_t>()) - sampled)
          .norm()
          .item<double>(),
      1e-7 * sampled.norm().item<double>());
  const auto& gradients = expected.at("gradients");
  ASSERT_EQ(network->named_parameters().size(), gradients.size());
  double largest = 0;
  for (const auto& [key, golden] : gradients.items())
    largest = std::max(largest, golden.at("norm").get<double>());
  for (const auto& parameter : network->named_parameters()) {
    const auto& golden = gradients.at(parameter.key());
    const double norm = golden.at("norm");
    const torch::Tensor gradient = parameter.value().grad();
    const std::vector<double> got = golden::products(gradient);
    double squares = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
      squares += std::pow(got[i] - golden.at("products").at(i).get<double>(), 2);
    EXPECT_LE(std::sqrt(squares / 4), 1e-6 * norm + 1e-9 * largest) << parameter.key();
    EXPECT_NEAR(gradient.norm().item<double>(), norm, 1e-6 * norm + 1e-9 * largest)
        << parameter.key();
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, VolumeGolden,
                         testing::Values("unet3d", "unet3d_original", "attention_unet3d", "vnet",
                                         "anatomynet", "vnet_original", "deepmedic", "voxresnet",
                                         "h_denseunet"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace medsweep::models
