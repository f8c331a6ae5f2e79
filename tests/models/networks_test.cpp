#include "models/segmentation/networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>

#include "models/init.h"
#include "models/layers/normalization.h"
#include "models/layers/random_layer.h"
#include "models/parameters.h"
#include "models/segmentation/segmentation_model.h"

namespace medsweep::models {
namespace {

std::vector<std::string> names_of(const std::vector<Row>& rows) {
  std::vector<std::string> names;
  for (const Row& row : rows) names.emplace_back(row.name);
  return names;
}

NetworkOptions small(const std::string& normalization = "batch") {
  NetworkOptions options;
  options.in_channels = 2;
  options.out_channels = 3;
  options.width = 4;
  options.normalization = normalization;
  options.drop_block = {.keep = 0.9, .size = 1};
  return options;
}

/// Every network with every normalisation keeps these contracts.
class EveryNetwork : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  std::shared_ptr<SegmentationNetwork> make() const {
    const auto [name, normalization] = GetParam();
    auto network = make_network(name, small(normalization));
    initialize(*network, "default", 3);
    set_random_keys(*network, {5, 6});
    return network;
  }
};

TEST_P(EveryNetwork, GivesALogitPerPixelAndReachesEveryParameterWithAGradient) {
  const auto network = make();
  const std::int64_t size = 2 * network->size_multiple();
  torch::manual_seed(0);

  const torch::Tensor logits = network->forward(torch::randn({2, 2, size, size + size / 2}));

  ASSERT_THAT(logits.sizes().vec(), testing::ElementsAre(2, 3, size, size + size / 2));
  (logits * torch::randn_like(logits)).sum().backward();
  for (const auto& parameter : network->named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  }
}

TEST_P(EveryNetwork, SavedAndLoadedGivesEqualLogits) {
  const auto network = make();
  const std::int64_t size = network->size_multiple();
  const torch::Tensor images = torch::randn({2, 2, size, size});
  network->forward(images);  // moves the running statistics
  network->eval();
  std::stringstream file;
  torch::serialize::OutputArchive saved;
  network->save(saved);
  saved.save_to(file);

  const auto [name, normalization] = GetParam();
  const auto other = make_network(name, small(normalization));
  torch::serialize::InputArchive archive;
  archive.load_from(file);
  other->load(archive);
  other->eval();

  EXPECT_TRUE(torch::equal(other->forward(images), network->forward(images)));
}

TEST_P(EveryNetwork, RefusesSizesThatItCannotHalve) {
  const auto network = make();
  EXPECT_THROW(network->forward(torch::zeros({1, 2, 24, 32})), std::invalid_argument);
  EXPECT_THROW(network->forward(torch::zeros({1, 1, 32, 32})), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryNetwork,
                         testing::Combine(testing::ValuesIn(names_of(network_rows())),
                                          testing::ValuesIn(names_of(normalization_rows()))),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param);
                         });

std::int64_t parameters_of(const std::string& name, std::int64_t in_channels, std::int64_t width) {
  NetworkOptions options;
  options.in_channels = in_channels;
  options.width = width;
  return count_parameters(*make_network(name, options));
}

TEST(ParameterCount, IsThePublishedOne) {
  EXPECT_EQ(parameters_of("retina_unet", 3, 64), 23381121);
  EXPECT_EQ(parameters_of("unet", 3, 64), 31037633);
  EXPECT_EQ(parameters_of("unet", 1, 64), 31037633 - 2 * 64 * 9);
  EXPECT_EQ(parameters_of("unet", 3, 32), 7763041);
  EXPECT_EQ(count_parameters(*make_network("sa_unet", {.width = 16, .depth = 4})), 537299);
}

TEST(RetinaUNet, KeysAreThoseOfItsStudy) {
  const auto network = make_network("retina_unet", {});
  const auto parameters = network->named_parameters();
  EXPECT_EQ(parameters.front().key(), "enc1_1.0.weight");
  EXPECT_THAT(
      parameters.keys(),
      testing::IsSupersetOf({"enc1_1.1.bias", "enc5_1.0.bias", "dec5_1.0.weight", "unpool4.weight",
                             "dec4_2.1.weight", "dec1_1.0.weight", "dec1_0.bias"}));
  EXPECT_THAT(network->named_buffers().keys(), testing::Contains("dec4_1.1.running_var"));
}

TEST(MakeNetwork, UnknownNameSaysWhichOneIsNearest) {
  try {
    make_network("unt", {});
    FAIL() << "an unknown name was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(
        error.what(),
        "[model] unknown name 'unt'; did you mean 'unet'? known: unet retina_unet sa_unet");
  }
}

TEST(MakeNetwork, BadOptionsAreRefused) {
  NetworkOptions options;
  options.depth = 4;
  EXPECT_THROW(make_network("retina_unet", options), std::invalid_argument);
  options.depth = 0;
  EXPECT_THROW(make_network("unet", options), std::invalid_argument);
  EXPECT_THROW(make_network("unet", {.in_channels = 0}), std::invalid_argument);
  EXPECT_THROW(make_network("unet", {.normalization = "layer"}), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
