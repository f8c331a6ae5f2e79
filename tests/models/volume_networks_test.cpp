#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/init.h"
#include "models/layers/random_layer.h"
#include "models/parameters.h"
#include "models/segmentation/dense_unet.h"
#include "models/segmentation/networks.h"
#include "models/segmentation/segmentation_model.h"
#include "models/segmentation/training_memory.h"

namespace medsweep::models {
namespace {

NetworkOptions zoo_options(std::int64_t in, std::int64_t out) {
  NetworkOptions options;
  options.in_channels = in;
  options.out_channels = out;
  options.depth = 4;
  return options;
}

NetworkOptions original_options() {
  NetworkOptions options = zoo_options(3, 3);
  options.widths = {64, 128, 256, 512};
  options.layer_order = "cbr";
  options.upsampling = Upsampling::kTransposed;
  return options;
}

std::int64_t unet3d_parameters(std::int64_t in, std::int64_t out) {
  return count_parameters(*make_network("unet3d", zoo_options(in, out)));
}

TEST(UNet3dParameters, AreTheZoos) {
  EXPECT_EQ(unet3d_parameters(4, 4), 1022788);
  EXPECT_EQ(unet3d_parameters(1, 11), 1022259);
  EXPECT_EQ(unet3d_parameters(1, 3), 1022123);
}

TEST(UNet3dParameters, OfTheOriginalAreThePapersButForNormalisation) {
  // The paper counts the convolutions' biases; here scale and shift stand in their place.
  constexpr std::int64_t kWidths =
      32 + 64 + 64 + 128 + 128 + 256 + 256 + 512 + 2 * (256 + 128 + 64);
  EXPECT_EQ(count_parameters(*make_network("unet3d_original", original_options())),
            19069955 - kWidths + 2 * kWidths);
}

TEST(AttentionUNet3d, GatesEverySkipButThatOfTheFullSize) {
  NetworkOptions options = original_options();
  options.widths = {16, 32, 64, 128, 256};
  const auto network = make_network("attention_unet3d", options);
  const auto plain = make_network("unet3d", options);
  std::int64_t gates = 0;
  for (const std::int64_t c : {32, 64, 128})  // theta, phi, psi, output, scale and shift
    gates += c * c / 2 * 8 + (2 * c + 1) * c / 2 + c / 2 + 1 + (c + 1) * c + 2 * c;
  EXPECT_EQ(count_parameters(*network), count_parameters(*plain) + gates);
  options.in_channels = options.out_channels = 1;
  EXPECT_EQ(count_parameters(*make_network("attention_unet3d", options)), 4945020);
  EXPECT_EQ(network->named_parameters().find("attention.skip0.psi.bias"), nullptr);
}

TEST(AttentionUNet3d, RefusesOtherAttentionAndTooFewLevels) {
  NetworkOptions options = original_options();
  options.attention.name = "scse";
  EXPECT_THROW(make_network("attention_unet3d", options), std::invalid_argument);
  options.attention.name = "none";
  options.widths = {4, 8};
  EXPECT_THROW(make_network("attention_unet3d", options), std::invalid_argument);
}

class UNet3dForms : public testing::TestWithParam<NetworkOptions> {};

TEST_P(UNet3dForms, GiveALogitPerVoxelAndReachEveryParameterWithAGradient) {
  NetworkOptions options = GetParam();
  options.widths = {4, 8, 16, 32};
  const auto network = make_network("unet3d", options);
  initialize(*network, "default", 3);
  torch::manual_seed(0);
  const std::vector<std::int64_t> sides = options.upsampling == Upsampling::kNearest
                                              ? std::vector<std::int64_t>{9, 17, 14}
                                              : std::vector<std::int64_t>{8, 16, 24};

  const torch::Tensor logits =
      network->forward(torch::randn({2, options.in_channels, sides[0], sides[1], sides[2]}));

  ASSERT_THAT(logits.sizes().vec(), testing::ElementsAre(2, 3, sides[0], sides[1], sides[2]));
  (logits * torch::randn_like(logits)).sum().backward();
  for (const auto& parameter : network->named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  }
}

NetworkOptions ordered(const char* order) {
  NetworkOptions options = zoo_options(2, 3);
  options.layer_order = order;
  return options;
}

INSTANTIATE_TEST_SUITE_P(Options, UNet3dForms,
                         testing::Values(zoo_options(4, 3), original_options(), ordered("gcr"),
                                         ordered("cli"), ordered("cge"), ordered("bcs"),
                                         ordered("cim")));

TEST(UNet3dInput, TooSmallOrUnevenIsRefusedWithWhatFits) {
  const auto zoo = make_network("unet3d", zoo_options(1, 2));
  EXPECT_NO_THROW(zoo->forward(torch::rand({1, 1, 8, 8, 16})));
  EXPECT_THROW(zoo->forward(torch::rand({1, 1, 7, 16, 16})), std::invalid_argument);
  EXPECT_THROW(zoo->forward(torch::rand({1, 1, 8, 8, 8})), std::invalid_argument);
  EXPECT_THROW(zoo->forward(torch::rand({1, 2, 16, 16, 16})), std::invalid_argument);
  EXPECT_THROW(zoo->forward(torch::rand({1, 1, 16, 16})), std::invalid_argument);
  NetworkOptions transposed = zoo_options(1, 2);
  transposed.upsampling = Upsampling::kTransposed;
  try {
    make_network("unet3d", transposed)->forward(torch::rand({1, 1, 16, 16, 20}));
    FAIL() << "20 was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("multiples of 8"), std::string::npos) << error.what();
  }
}

TEST(UNet3dOrder, WithoutAConvolutionIsRefused) {
  for (const char* order : {"pi", "ccp", "cx"})
    EXPECT_THROW(make_network("unet3d", ordered(order)), std::invalid_argument) << order;
}

TEST(VNetParameters, AreTheZoos) {
  NetworkOptions options = zoo_options(4, 4);
  options.width = 16;
  EXPECT_NEAR(static_cast<double>(count_parameters(*make_network("vnet", options))), 6.887e6, 3e3);
  options.width = 32;
  EXPECT_NEAR(static_cast<double>(count_parameters(*make_network("vnet", options))), 27.53e6, 1e4);
}

TEST(VNetInput, AnyNumberOfChannelsIsTaken) {
  for (const std::int64_t channels : {1, 2, 3, 4, 7}) {
    NetworkOptions options = zoo_options(channels, 2);
    options.width = 4;
    const auto network = make_network("vnet", options);
    torch::manual_seed(1);
    const torch::Tensor logits = network->forward(torch::randn({2, channels, 16, 32, 16}));
    ASSERT_THAT(logits.sizes().vec(), testing::ElementsAre(2, 2, 16, 32, 16));
    (logits * torch::randn_like(logits)).sum().backward();
    for (const auto& parameter : network->named_parameters())
      EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  }
  NetworkOptions odd = zoo_options(1, 2);
  odd.width = 5;
  EXPECT_THROW(make_network("vnet", odd), std::invalid_argument);
}

TEST(AnatomyNetParameters, AreThePublished) {
  EXPECT_EQ(count_parameters(*make_network("anatomynet", zoo_options(1, 10))), 734417);
}

TEST(VNetOriginalParameters, AreThoseOfThePapersStages) {
  NetworkOptions options = zoo_options(1, 2);
  options.width = 16;
  EXPECT_NEAR(static_cast<double>(count_parameters(*make_network("vnet_original", options))),
              65.18e6, 1e4);
  options.up_convolutions = {3, 3, 2};
  EXPECT_THROW(make_network("vnet_original", options), std::invalid_argument);
}

TEST(VolumeNetworks, RefuseOddSidesAndOtherChannels) {
  for (const char* name : {"vnet", "vnet_original", "anatomynet"}) {
    const auto network = make_network(name, [] {
      NetworkOptions options = zoo_options(2, 3);
      options.width = 4;
      return options;
    }());
    EXPECT_THROW(network->forward(torch::rand({2, 2, 16, 17, 32})), std::invalid_argument);
    EXPECT_THROW(network->forward(torch::rand({2, 3, 16, 16, 32})), std::invalid_argument);
  }
}

TEST(DeepMedic, HasThePublishedParametersAndLearnsFromWhatHasItsWholeContext) {
  const auto network = make_network("deepmedic", zoo_options(4, 5));
  EXPECT_EQ(count_parameters(*network), 662215);
  network->eval();
  torch::manual_seed(2);
  const torch::Tensor volume = torch::randn({1, 4, 57, 57, 57});
  const torch::Tensor inner = network->outputs(volume).logits;
  ASSERT_THAT(inner.sizes().vec(), testing::ElementsAre(1, 5, 9, 9, 9));
  const torch::Tensor whole = network->forward(volume);
  ASSERT_THAT(whole.sizes().vec(), testing::ElementsAre(1, 5, 57, 57, 57));
  EXPECT_TRUE(
      torch::allclose(whole.slice(2, 24, 33).slice(3, 24, 33).slice(4, 24, 33), inner, 1e-4, 1e-5));
  EXPECT_THROW(network->outputs(volume.slice(2, 0, 48)), std::invalid_argument);
  NetworkOptions attended = zoo_options(4, 5);
  attended.attention.name = "pam";
  EXPECT_THROW(network_shape("deepmedic", attended), std::invalid_argument);
}

TEST(HDenseUNet, HasTheWidthsOfItsPartsAndTrainsThemInStages) {
  const auto part = [](const DenseUNetOptions& options) {
    return count_parameters(*DenseUNet(options));
  };
  // The published 45.08 M and 16.00 M count a second scale and shift behind each normalisation,
  // and the classifier.
  const std::int64_t planar = part({2, 3, 48, {6, 12, 36, 24}, {768, 384, 96, 96, 64}});
  EXPECT_EQ(planar, 44860931 - 64 * 3 - 3);
  EXPECT_EQ(part({3, 4, 32, {3, 4, 12, 8}, {504, 224, 192, 96, 64}}), 15976387 - 64 * 3 - 3);
  for (const HybridStage stage : {HybridStage::kPlanar, HybridStage::kSpatial}) {
    NetworkOptions options = zoo_options(1, 3);
    options.hybrid_stage = stage;
    const auto network = make_network("h_denseunet", options);
    torch::manual_seed(2);
    set_random_keys(*network, {7});
    network->forward(torch::randn({1, 1, 8, 32, 32})).sum().backward();
    for (const auto& parameter : network->named_parameters())
      EXPECT_EQ(parameter.value().grad().defined(),
                parameter.key().starts_with("planar") == (stage == HybridStage::kPlanar))
          << parameter.key();
  }
}

TEST(VoxResNet, SumsWhatItsDepthsSayAndWeighsTheirLosses) {
  NetworkOptions options = zoo_options(1, 2);
  options.width = 4;
  options.auxiliary_weights = {0.1, 0.2, 0.3, 0};
  const auto network = make_network("voxresnet", options);
  torch::manual_seed(2);
  const auto all = network->forward_all(torch::randn({1, 1, 8, 16, 24}));
  ASSERT_EQ(all.size(), 5);
  EXPECT_TRUE(torch::allclose(all[0], all[1] + all[2] + all[3] + all[4], 1e-5, 1e-6));
  ASSERT_EQ(network->auxiliary_heads().size(), 4);
  EXPECT_EQ(network->auxiliary_heads()[2].name, "depth2");
  EXPECT_EQ(network->auxiliary_heads()[2].weight, 0.3);
  options.auxiliary_weights = {1, 1};
  EXPECT_THROW(make_network("voxresnet", options), std::invalid_argument);
}

/// The zoo's U-Net of 4 channels and 4 maps with attention.
TEST(UNet3dParameters, WithAttentionAreTheZoos) {
  NetworkOptions options = zoo_options(4, 4);
  options.attention = {.name = "se", .options = {.reduction = 8}};
  EXPECT_EQ(count_parameters(*make_network("unet3d", options)), 1029968);
  options.attention = {.name = "project_excite",
                       .options = {.reduction = 2, .projection = ProjectionFlavor::kMeanPrelu}};
  options.attention_places = {"encoder", "bottleneck"};
  EXPECT_EQ(count_parameters(*make_network("unet3d", options)), 1045028);
  options.attention = {.name = "pam", .options = {}};
  options.attention_places = {};
  options.patch_slices = 144;
  EXPECT_EQ(count_parameters(*make_network("unet3d", options)), 1189872);
}

/// Attention that is built for a depth is planned at that depth, in both precisions.
TEST(VolumeMemory, OfAttentionThatIsBuiltForADepthIsPlanned) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    SegmentationModelOptions options;
    options.network = "unet3d";
    options.network_options = zoo_options(2, 0);
    options.network_options.widths = {8, 16, 32};
    options.network_options.attention.name = "pam";
    options.network_options.patch_slices = 16;
    options.activation = Activation::kSoftmax;
    options.losses = {{.name = "dice_ce"}};
    options.precision = precision;
    SegmentationModel model(options);
    const std::int64_t bytes =
        activation_bytes(model, MemoryLayout::kChannelsLast, 2, 1, {32, 48, 16});
    EXPECT_GT(bytes, 16 * 32 * 48 * 8 * 4) << "more than one map";
  }
}

/// Planning takes a number of the autocast's type in place of each kernel, also of those that stay
/// in float32.
TEST(VolumeMemory, OfFewerSlicesThanAKernelHasIsPlanned) {
  SegmentationModelOptions options;
  options.network = "vnet";
  options.network_options = zoo_options(1, 0);
  options.network_options.width = 4;
  options.losses = {{.name = "dice_ce"}};
  options.activation = Activation::kSoftmax;
  options.precision = Precision::kBf16;
  SegmentationModel model(options);
  EXPECT_GT(activation_bytes(model, MemoryLayout::kChannelsLast, 1, 1, {32, 32, 32}),
            32 * 32 * 32 * 4 * 2)
      << "more than one map";
}

/// A volume model learns one batch by heart.
TEST(VolumeModel, OverfitsABatchAndPredictsItsLabels) {
  SegmentationModelOptions options;
  options.network = "unet3d";
  options.network_options = zoo_options(1, 0);
  options.network_options.widths = {8, 16};
  options.classes = 2;
  options.activation = Activation::kSoftmax;
  options.losses = {{.name = "dice_ce"}};
  SegmentationModel model(options);
  datasets::Batch batch;
  const torch::Tensor labels = torch::zeros({8, 12, 10}, torch::kLong);
  labels.slice(0, 2, 6).slice(1, 3, 9).slice(2, 2, 5).fill_(1);
  labels.slice(0, 2, 6).slice(1, 3, 9).slice(2, 5, 8).fill_(2);
  batch.images = labels.to(torch::kFloat).reshape({1, 1, 8, 12, 10}) / 2;
  batch.sizes = {{12, 10, 8}};
  batch.targets.push_back({{datasets::kSegmentation, {labels}}});
  batch.samples.emplace_back();
  torch::optim::Adam optimizer(model.parameters(), torch::optim::AdamOptions(1e-2));
  for (int step = 0; step < 60; ++step) {
    torch::Tensor total = torch::zeros({});
    for (const auto& [name, part] : model.loss(batch)) total = total + part.sum / part.weight;
    optimizer.zero_grad();
    total.backward();
    optimizer.step();
  }
  model.eval();
  const Prediction prediction = model.predict(batch).front();
  EXPECT_EQ(prediction.probabilities.sizes().vec(), (std::vector<std::int64_t>{2, 8, 12, 10}));
  EXPECT_GT(prediction.labels.eq(labels).to(torch::kFloat).mean().item<double>(), 0.99);
}

}  // namespace
}  // namespace medsweep::models
