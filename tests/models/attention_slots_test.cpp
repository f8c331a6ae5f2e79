#include "models/segmentation/attention_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "models/init.h"
#include "models/layers/random_layer.h"
#include "models/parameters.h"
#include "models/segmentation/networks.h"

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
  if (takes_backbone(name) && name != "fcn8s") options.backbone = "resnet18";
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

NetworkOptions gated_options() {
  NetworkOptions options;
  options.width = 8;
  options.drop_block.keep = 1;
  options.attention = {.name = "attention_gate", .options = {.reduction = 2}};
  return options;
}

TEST(AttentionSlotsTest, GatesStandOnEverySkipUnlessSomeAreNamed) {
  using testing::ElementsAre;
  NetworkOptions options = gated_options();
  EXPECT_THAT(places_of(*make_network("unet", options)),
              ElementsAre("skip0", "skip1", "skip2", "skip3"));
  options.attention_places = {"skip1"};
  EXPECT_THAT(places_of(*make_network("retina_unet", options)), ElementsAre("skip1"));
}

TEST(AttentionSlotsTest, GatesHaveNoOtherPlace) {
  NetworkOptions options = gated_options();
  options.depth = 3;
  options.attention_places = {"skip", "encoder0"};
  for (const bool built : {false, true}) try {
      if (built)
        make_network("unet", options);
      else
        check_attention_fits(options, network_shape("unet", options));
      FAIL() << "a gate behind an encoder was accepted";
    } catch (const std::invalid_argument& error) {
      EXPECT_STREQ(error.what(), "[attention.place] 'encoder0'; skip, skip0, skip1 are allowed");
    }
}

/// Every U-Net with gates on all of its skips.
class GatedNetwork : public testing::TestWithParam<std::string> {};

TEST_P(GatedNetwork, ReachesEveryParameterOfItsGatesWithAGradient) {
  NetworkOptions options = gated_options();
  options.width = 6;
  const auto network = make_network(GetParam(), options);
  initialize(*network, "kaiming", 3);
  torch::manual_seed(0);
  {
    torch::NoGradGuard no_grad;
    for (auto& parameter : network->parameters()) parameter += 0.1 * torch::randn_like(parameter);
  }
  const std::int64_t size = network->size_multiple();
  const torch::Tensor logits = network->forward(torch::randn({2, 3, 2 * size, 3 * size}));
  (logits * torch::randn_like(logits)).sum().backward();
  const std::string_view idle = attention_traits("attention_gate").idle_parameter;
  for (const auto& parameter : network->named_parameters()) {
    ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
    if (parameter.key().starts_with("attention") && !parameter.key().ends_with(idle)) {
      EXPECT_GT(parameter->grad().abs().sum().item<double>(), 0) << parameter.key();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, GatedNetwork, testing::Values("unet", "retina_unet", "sa_unet"));

TEST(AttentionSlotsTest, SplitsReplaceTheSecondConvolutionsOfTheirPlaces) {
  NetworkOptions options;
  options.width = 8;
  options.depth = 3;
  options.attention.name = "split";
  options.attention_places = {"encoder", "decoder1"};
  const auto network = make_network("unet", options);
  std::set<std::string> replaced;
  for (const std::string& key : network->named_parameters().keys())
    if (const auto at = key.find(".second.conv.weight"); at != std::string::npos)
      replaced.insert(key.substr(0, at));
  EXPECT_THAT(replaced, testing::ElementsAre("decoder1", "encoder0", "encoder1"));
  initialize(*network, "kaiming", 3);
  torch::manual_seed(0);
  const torch::Tensor logits = network->forward(torch::randn({2, 3, 12, 20}));
  ASSERT_THAT(logits.sizes().vec(), testing::ElementsAre(2, 1, 12, 20));
  (logits * torch::randn_like(logits)).sum().backward();
  for (const auto& parameter : network->named_parameters()) {
    ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
    if (parameter.key().find(".second.") != std::string::npos &&
        !parameter.key().ends_with(".fc1.bias")) {  // it stands before a normalisation
      EXPECT_GT(parameter->grad().abs().sum().item<double>(), 0) << parameter.key();
    }
  }
  options.attention_places = {};
  EXPECT_THROW(make_network("sa_unet", options), std::invalid_argument);
}

TEST(AttentionSlotsTest, ATransformerInFrontBeginsAsTheIdentityAndIsTrained) {
  for (const std::string name : {"unet", "retina_unet", "sa_unet"}) {
    NetworkOptions options;
    options.width = 8;
    options.drop_block.keep = 1;
    const auto plain = make_network(name, options);
    options.attention.name = "stn";
    const auto network = make_network(name, options);
    initialize(*network, "default", 3);
    {
      torch::NoGradGuard no_grad;
      auto parameters = network->named_parameters();
      for (const auto& parameter : plain->named_parameters())
        parameter->copy_(parameters[parameter.key()]);
    }
    torch::manual_seed(0);
    const std::int64_t size = 2 * network->size_multiple();
    const torch::Tensor images = torch::randn({2, 3, size, size});
    for (auto* of : {plain.get(), network.get()})
      for (const auto& child : of->children()) child->eval();
    EXPECT_TRUE(torch::allclose(network->forward(images), plain->forward(images), 1e-3, 1e-3));
    (network->forward(images) * torch::randn({2, 1, size, size})).sum().backward();
    EXPECT_GT(network->named_parameters()["transformer.matrix"].grad().abs().sum().item<double>(),
              0);
    options.attention_places = {"encoder"};
    EXPECT_THROW(make_network(name, options), std::invalid_argument);
  }
}

/// Slots of a network of volumes, whose levels have 64, 32 and 16 slices.
TEST(AttentionSlotsTest, WhatIsBuiltForADepthGetsThatOfItsLevel) {
  NetworkOptions options;
  options.attention.name = "pam";
  options.patch_slices = 64;
  AttentionSlots slots(options, 3);
  NetworkShape levels;
  levels.encoder = {8, 16, 32};
  levels.skip = levels.decoder = {8, 16};
  slots->add_levels(levels);
  for (std::int64_t level = 0; level < 3; ++level) {
    const torch::Tensor map = torch::randn({2, 8 << level, 64 >> level, 3, 5});
    EXPECT_EQ(slots->after_encoder(level, map).sizes(), map.sizes());
    EXPECT_THROW(slots->after_encoder(level, map.slice(2, 1)), std::invalid_argument);
  }
  options.depth = 8;
  NetworkShape shape = halving_shape(options);
  shape.dimensions = 3;
  EXPECT_THROW(check_attention_fits(options, shape), std::invalid_argument)
      << "the eighth level has no slice left";
  EXPECT_THROW(AttentionSlots(options, 2), std::invalid_argument);
}

TEST(AttentionSlotsTest, OfABackboneTheLevelsAreC1ToC5) {
  using testing::ElementsAre;
  EXPECT_THAT(places_of(*network_with("unet_resnet", {"all", "skip"})),
              ElementsAre("bottleneck", "decoder0", "decoder1", "decoder2", "decoder3", "decoder4",
                          "encoder1", "encoder2", "encoder3", "encoder4", "skip1", "skip2", "skip3",
                          "skip4"));
  EXPECT_THAT(places_of(*network_with("deeplabv3_plus", {"skip", "decoder"})),
              ElementsAre("decoder2", "skip2"));
  EXPECT_THAT(places_of(*network_with("fcn8s", {"skip", "bottleneck"})),
              ElementsAre("bottleneck", "skip3", "skip4"));
}

TEST(AttentionSlotsTest, APlaceThatANetworkLacksIsRefused) {
  try {
    network_with("deeplabv3", {"skip"});
    FAIL() << "a skip was found where there is none";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(
                                  "'skip'; all, bottleneck, encoder, encoder1, encoder2, encoder3, "
                                  "encoder4 are allowed"));
  }
}

/// Every network with attention everywhere.
class AttendedNetwork : public testing::TestWithParam<std::string> {};

TEST_P(AttendedNetwork, ReachesEveryGateWithAGradient) {
  const bool has_skips = GetParam() != "deeplabv3";
  const auto network = network_with(GetParam(), has_skips ? std::vector<std::string>{"all", "skip"}
                                                          : std::vector<std::string>{"all"});
  initialize(*network, "kaiming", 3);
  set_random_keys(*network, {5, 6});
  torch::manual_seed(0);
  const std::int64_t size = network->size_multiple() == 1 ? 64 : 2 * network->size_multiple();
  const torch::Tensor logits = network->forward(torch::randn({2, 3, size, size}));
  (logits * torch::randn_like(logits)).sum().backward();
  for (const auto& parameter : network->named_parameters()) {
    if (parameter.key().starts_with("aux_classifier")) continue;  // of the losses alone
    ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
    if (parameter.key().starts_with("attention")) {
      EXPECT_GT(parameter->grad().abs().sum().item<double>(), 0) << parameter.key();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, AttendedNetwork,
                         testing::Values("unet", "retina_unet", "sa_unet", "attention_unet",
                                         "unet_resnet", "deeplabv3", "deeplabv3_plus", "fcn8s"));

}  // namespace
}  // namespace medsweep::models
