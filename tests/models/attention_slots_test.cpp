#include "models/segmentation/attention_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "models/init.h"
#include "models/parameters.h"

namespace medsweep::models {
namespace {

/// A network of four levels, 8 to 64 channels, with `se` at the places.
std::shared_ptr<SegmentationNetwork> network_with(const std::string& name,
                                                  std::vector<std::string> places) {
  NetworkOptions options;
  options.width = 8;
  options.depth = name == "retina_unet" ? 5 : 4;
  options.drop_block.keep = 1;
  options.attention = {.name = "se", .options = {.reduction = 1}};
  options.attention_places = std::move(places);
  return make_network(name, options);
}

std::set<std::string> places_of(const torch::nn::Module& network) {
  std::set<std::string> places;
  const std::string prefix = "attention.";
  for (const std::string& key : network.named_parameters().keys())
    if (key.starts_with(prefix))
      places.insert(key.substr(prefix.size(), key.find('.', prefix.size()) - prefix.size()));
  return places;
}

TEST(AttentionSlotsTest, PlacesAreStagesOrAllOfAKind) {
  using testing::ElementsAre;
  EXPECT_THAT(places_of(*network_with("unet", {"encoder"})),
              ElementsAre("encoder0", "encoder1", "encoder2"));
  EXPECT_THAT(places_of(*network_with("unet", {"decoder1", "bottleneck"})),
              ElementsAre("bottleneck", "decoder1"));
  EXPECT_THAT(places_of(*network_with("sa_unet", {"skip"})),
              ElementsAre("skip0", "skip1", "skip2"));
  EXPECT_THAT(places_of(*network_with("unet", {"all"})),
              ElementsAre("bottleneck", "decoder0", "decoder1", "decoder2", "encoder0", "encoder1",
                          "encoder2"));
}

TEST(AttentionSlotsTest, OddWidthsHaveTheirChannels) {
  for (const char* name : {"unet", "retina_unet", "sa_unet"}) {
    NetworkOptions options;
    options.width = 3;
    options.drop_block.keep = 1;
    options.attention.name = "se";
    const auto network = make_network(name, options);
    EXPECT_NO_THROW(network->forward(torch::rand({2, 3, 32, 32}))) << name;
  }
}

TEST(AttentionSlotsTest, WithoutAttentionNothingIsAdded) {
  EXPECT_TRUE(places_of(*make_network("unet", {.width = 8})).empty());
}

TEST(AttentionSlotsTest, AnUnknownPlaceIsNamedWithThoseThatThereAre) {
  try {
    network_with("unet", {"encoder3"});
    FAIL() << "a place beyond the network was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("'encoder3'"),
                                             testing::HasSubstr("bottleneck, decoder, decoder0")));
  }
}

/// Every network with attention everywhere.
class AttendedNetwork : public testing::TestWithParam<std::string> {};

TEST_P(AttendedNetwork, ReachesEveryGateWithAGradient) {
  const auto network = network_with(GetParam(), {"all", "skip"});
  initialize(*network, "kaiming", 3);
  torch::manual_seed(0);
  const std::int64_t size = 2 * network->size_multiple();
  const torch::Tensor logits = network->forward(torch::randn({2, 3, size, size}));
  (logits * torch::randn_like(logits)).sum().backward();
  for (const auto& parameter : network->named_parameters()) {
    ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
    if (parameter.key().starts_with("attention")) {
      EXPECT_GT(parameter->grad().abs().sum().item<double>(), 0) << parameter.key();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, AttendedNetwork, testing::Values("unet", "retina_unet", "sa_unet"));

}  // namespace
}  // namespace medsweep::models
