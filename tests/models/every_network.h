#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "models/init.h"
#include "models/layers/normalization.h"
#include "models/layers/random_layer.h"
#include "models/segmentation/networks.h"

namespace medsweep::models::every_network {

inline std::vector<std::string> names_of(const std::vector<Row>& rows) {
  std::vector<std::string> names;
  for (const Row& row : rows) names.emplace_back(row.name);
  return names;
}

enum class NetworkWeight {
  kLight,       ///< with an encoder of its own
  kOnBackbone,  ///< that may be a small one
  kHeavy,       ///< its backbone cannot be a small one
  kVolumes,     ///< of volumes
};

inline NetworkWeight weight_of(std::string_view name) {
  if (network_dimensions(name) == 3) return NetworkWeight::kVolumes;
  if (default_backbone(name).empty()) return NetworkWeight::kLight;
  return takes_backbone(name) ? NetworkWeight::kOnBackbone : NetworkWeight::kHeavy;
}

inline std::vector<std::string> network_names(NetworkWeight wanted) {
  std::vector<std::string> names = names_of(network_rows());
  std::erase_if(names, [&](const std::string& name) { return weight_of(name) != wanted; });
  return names;
}

inline NetworkOptions small(const std::string& name, const std::string& normalization = "batch",
                            const std::string& attention = "none") {
  NetworkOptions options;
  options.in_channels = 2;
  options.out_channels = 3;
  options.width = 4;
  options.normalization = normalization;
  options.drop_block = {.keep = 0.9, .size = 1};
  options.file = std::string(MEDSWEEP_SOURCE_DIR) + "/tests/golden/torchscript.pt";
  options.widths = {4, 8, 16, 32};
  if (attention != "none") {  // enough channels for each module, and within it no dead ReLU
    options.attention = {.name = attention, .options = {.reduction = 1}};
    options.width = 16;
    options.widths = {8, 16, 32, 64};
  }
  if (takes_backbone(name) && name != "fcn8s") options.backbone = "resnet18";
  return options;
}

/// Those in which such attention has a place.
inline std::vector<std::string> attended_names(std::vector<NetworkWeight> wanted,
                                               const std::string& attention) {
  std::vector<std::string> names = names_of(network_rows());
  const bool is_gate = attention_traits(attention).role == AttentionRole::kGate;
  std::erase_if(names, [&](const std::string& name) {
    const NetworkShape shape = network_shape(name, small(name));
    return std::ranges::find(wanted, weight_of(name)) == wanted.end() || shape.encoder.empty() ||
           (is_gate && shape.decoder_start == 0);
  });
  return names;
}

/// Sides of two inputs that a network takes: even ones, and odd ones where any are taken.
inline std::vector<std::vector<std::int64_t>> sides_of(const std::string& name,
                                                       const NetworkOptions& options) {
  const NetworkShape shape = network_shape(name, options);
  const std::int64_t multiple = shape.size_multiple;
  if (shape.dimensions == 3) {
    const std::int64_t least = shape.smallest_side, one = shape.largest_side;
    if (shape.smallest_plane > least) return {{least, one, one}, {least + 1, one + 3, one + 5}};
    if (multiple == 1) return {{least, one, least}, {one + 1, least + 1, least + 3}};
    return {{least, one, least}, {one, least, least + multiple}};
  }
  if (multiple == 1) return {{64, 96}, {75, 67}};
  return {{2 * multiple, 3 * multiple}, {3 * multiple, 2 * multiple}};
}

inline torch::Tensor random_images(std::vector<std::int64_t> sides, std::int64_t channels = 2) {
  sides.insert(sides.begin(), {2, channels});
  return torch::randn(sides);
}

/// Every network keeps these contracts, with every normalisation and with attention.
class EveryNetwork
    : public testing::TestWithParam<std::tuple<std::string, std::string, std::string>> {
 protected:
  std::string name() const { return std::get<0>(GetParam()); }
  std::string normalization() const { return std::get<1>(GetParam()); }
  NetworkOptions options() const { return small(name(), normalization(), std::get<2>(GetParam())); }
  std::shared_ptr<SegmentationNetwork> make() const {
    auto network = make_network(name(), options());
    initialize(*network, "default", 3);
    network->initialize_own();
    set_random_keys(*network, {5, 6});
    return network;
  }
  /// Some modules begin as the identity, where nothing within them has a gradient.
  static void perturb(torch::nn::Module& network) {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : network.parameters()) parameter += 0.02 * torch::randn_like(parameter);
  }
  /// A mean over a whole image has nothing to be normalised by itself.
  bool is_refused() const { return name().starts_with("deeplab") && normalization() == "instance"; }
  void SetUp() override {
    torch::manual_seed(0);
    if (is_refused()) {
      EXPECT_THROW(make(), std::invalid_argument);
    }
  }
};

TEST_P(EveryNetwork, GivesALogitPerPixelAndReachesEveryParameterWithAGradient) {
  if (is_refused()) return;
  const auto network = make();
  perturb(*network);
  for (const auto& sides : sides_of(name(), options())) {
    network->zero_grad();
    const NetworkOutputs outputs = network->outputs(random_images(sides));

    std::vector<std::int64_t> expected{2, 3};
    for (const std::int64_t side : sides) expected.push_back(side - 2 * network->margin());
    ASSERT_EQ(outputs.auxiliary.size(), network->auxiliary_heads().size());
    ASSERT_EQ(outputs.logits.sizes().vec(), expected);
    torch::Tensor sum = (outputs.logits * torch::randn_like(outputs.logits)).sum();
    for (const torch::Tensor& logits : outputs.auxiliary) {
      ASSERT_EQ(logits.sizes().vec(), expected);
      sum = sum + (logits * torch::randn_like(logits)).sum();
    }
    sum.backward();
    for (const auto& parameter : network->named_parameters()) {
      ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
      EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
    }
  }
}

TEST_P(EveryNetwork, SavedAndLoadedGivesEqualLogits) {
  if (is_refused()) return;
  const auto network = make();
  const torch::Tensor images = random_images(sides_of(name(), options()).front());
  network->outputs(images);  // moves the running statistics
  network->eval();
  std::stringstream file;
  torch::serialize::OutputArchive saved;
  network->save(saved);
  saved.save_to(file);

  const auto other = make_network(name(), options());
  torch::serialize::InputArchive archive;
  archive.load_from(file);
  other->load(archive);
  other->eval();

  EXPECT_TRUE(torch::equal(other->outputs(images).logits, network->outputs(images).logits));
}

TEST_P(EveryNetwork, RefusesSizesThatItCannotHalve) {
  if (is_refused()) return;
  const auto network = make();
  const NetworkShape shape = network_shape(name(), options());
  EXPECT_EQ(shape.size_multiple, network->size_multiple());
  std::vector<std::int64_t> sides = sides_of(name(), options()).front();
  EXPECT_THROW(network->forward(random_images(sides, 1)), std::invalid_argument);
  if (shape.size_multiple == 1) return;
  sides.front() += shape.size_multiple / 2;
  EXPECT_THROW(network->forward(random_images(sides)), std::invalid_argument);
}

inline std::string name_of_case(
    const testing::TestParamInfo<std::tuple<std::string, std::string, std::string>>& info) {
  return std::get<0>(info.param) + "_" + std::get<1>(info.param) + "_" + std::get<2>(info.param);
}

}  // namespace medsweep::models::every_network
