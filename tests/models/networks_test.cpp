#include "models/segmentation/networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/parameters.h"
#include "models/segmentation/segmentation_model.h"
#include "tests/models/every_network.h"

namespace medsweep::models {
namespace every_network {

INSTANTIATE_TEST_SUITE_P(Table, EveryNetwork,
                         testing::Combine(testing::ValuesIn(network_names(NetworkWeight::kLight)),
                                          testing::ValuesIn(names_of(normalization_rows())),
                                          testing::Values("none")),
                         name_of_case);

}  // namespace every_network

namespace {

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
  EXPECT_EQ(parameters_of("attention_unet", 3, 64), 31037633 + 1379843);  // and three gates
}

TEST(GivesFeatures, SaysBeforeANetworkIsBuiltWhatItsOutputsHave) {
  for (const Row& row : network_rows()) {
    const std::string name(row.name);
    const auto network = make_network(name, every_network::small(name));
    EXPECT_EQ(gives_features(row.name), network->feature_channels() > 0) << row.name;
    if (!gives_features(row.name)) continue;
    set_random_keys(*network, {5});
    const std::int64_t size = 2 * network->size_multiple();
    const NetworkOutputs outputs = network->outputs(torch::randn({1, 2, size, size}));
    EXPECT_THAT(outputs.features.sizes().vec(),
                testing::ElementsAre(1, network->feature_channels(), size, size));
    EXPECT_THAT(outputs.logits.sizes().vec(), testing::ElementsAre(1, 3, size, size));
  }
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
    EXPECT_STREQ(error.what(),
                 "[model] unknown name 'unt'; did you mean 'unet'? known: unet retina_unet sa_unet "
                 "attention_unet unet_resnet fcn_resnet50 fcn_resnet101 deeplabv3 deeplabv3_plus "
                 "fcn8s unet3d unet3d_original attention_unet3d vnet vnet_original anatomynet "
                 "deepmedic h_denseunet voxresnet torchscript");
  }
}

TEST(MakeNetwork, ABackboneThatDoesNotFitIsRefusedWithThoseThatDo) {
  const auto refusal = [](const std::string& name, const std::string& backbone) -> std::string {
    try {
      network_shape(name, {.backbone = backbone});
      return {};
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal("unet", "resnet18"), "[model.unet] backbone 'resnet18'; 'none' is allowed");
  EXPECT_EQ(refusal("fcn_resnet50", "resnet18"),
            "[model.fcn_resnet50] backbone 'resnet18'; 'resnet50' is allowed");
  EXPECT_EQ(refusal("fcn8s", "resnet18"),
            "[model.fcn8s] backbone 'resnet18'; vgg16, vgg16_bn are allowed");
  EXPECT_THAT(refusal("deeplabv3", "vgg16"), testing::HasSubstr("a resnet or resnext is allowed"));
  EXPECT_THAT(refusal("unet_resnet", "resnet"), testing::HasSubstr("did you mean 'resnet"));
  EXPECT_EQ(refusal("unet_resnet", "densenet121"), "");
}

TEST(Fcn8s, EnlargesBilinearlyFromTheStart) {
  const auto network = make_network("fcn8s", {.out_channels = 2, .width = 4});
  network->initialize_own();
  const torch::Tensor kernel = network->named_parameters()["upscore2.weight"].detach();
  EXPECT_TRUE(torch::equal(kernel[0][1], torch::zeros({4, 4})));
  const torch::Tensor ramp =
      torch::arange(8, torch::kFloat).view({1, 1, 1, 8}).expand({1, 2, 8, 8});
  const torch::Tensor up = torch::conv_transpose2d(ramp, kernel, {}, 2, 1);
  const torch::Tensor expected = torch::upsample_bilinear2d(ramp.contiguous(), {16, 16}, false);
  EXPECT_TRUE(torch::allclose(up.slice(2, 2, 14).slice(3, 2, 14),
                              expected.slice(2, 2, 14).slice(3, 2, 14), 1e-5, 1e-5));
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
