#include "models/segmentation/segmentation_model.h"

#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/parameters.h"

namespace medsweep::models {
namespace {

SegmentationModelOptions small_model(Activation activation, std::int64_t classes) {
  SegmentationModelOptions options;
  options.network_options = {.in_channels = 1, .width = 4};
  options.classes = classes;
  options.activation = activation;
  options.losses = {{.name = activation == Activation::kSigmoid ? "bce" : "cross_entropy"},
                    {.name = "dice", .factor = 0.5}};
  return options;
}

datasets::Batch random_batch(std::int64_t samples, std::int64_t classes, std::int64_t size = 32) {
  torch::manual_seed(5);
  datasets::Batch batch;
  batch.images = torch::randn({samples, 1, size, size});
  for (std::int64_t i = 0; i < samples; ++i) {
    batch.sizes.push_back({size - 3, size - 1 - i});
    batch.targets.push_back(
        {{datasets::kSegmentation, {torch::randint(0, classes + 1, {size, size}, torch::kLong)}}});
    batch.samples.emplace_back();
    batch.samples.back().name = "case/" + std::to_string(i);
  }
  return batch;
}

torch::Tensor objective_of(const Losses& losses) {
  torch::Tensor total = torch::zeros({});
  for (const auto& [name, part] : losses) total = total + part.sum / std::max(part.weight, 1.0);
  return total;
}

TEST(AuxiliaryHead, ItsLossesStandBesideTheOthersTimesItsWeight) {
  SegmentationModelOptions options = small_model(Activation::kSigmoid, 1);
  options.network = "deeplabv3";
  options.network_options.backbone = "resnet18";
  options.network_options.dropout = 0;
  options.network_options.auxiliary = 0.25;
  SegmentationModel model(options);
  options.network_options.auxiliary = 1;
  SegmentationModel whole(options);
  const datasets::Batch batch = random_batch(2, 1, 64);
  const Losses losses = model.loss(batch), same = whole.loss(batch);
  const LossWeights weights = *model.loss_weights(batch);
  ASSERT_EQ(losses.size(), 4U);
  ASSERT_EQ(weights.size(), 4U);
  for (const char* name : {"bce", "dice"}) {
    const std::string head = std::string("aux_") + name;
    EXPECT_EQ(losses.at(head).weight, losses.at(name).weight);
    EXPECT_EQ(weights.at(head), losses.at(head).weight);
    EXPECT_NEAR(losses.at(head).sum.item<double>(), 0.25 * same.at(head).sum.item<double>(),
                1e-4 * same.at(head).sum.item<double>());
  }
}

TEST(AuxiliaryHead, AnEmptyBatchReachesItToo) {
  SegmentationModelOptions options = small_model(Activation::kSigmoid, 1);
  options.network = "deeplabv3";
  options.network_options.backbone = "resnet18";
  SegmentationModel model(options);
  datasets::Batch batch;
  batch.images = torch::zeros({0, 1, 64, 64});
  objective_of(model.loss(batch)).backward();
  for (const auto& parameter : model.named_parameters())
    EXPECT_TRUE(parameter.value().grad().defined()) << parameter.key();
}

class EveryActivation : public testing::TestWithParam<std::tuple<Activation, std::int64_t>> {
 protected:
  SegmentationModelOptions options() const {
    return small_model(std::get<0>(GetParam()), std::get<1>(GetParam()));
  }
  std::int64_t classes() const { return std::get<1>(GetParam()); }
};

TEST_P(EveryActivation, PredictsProbabilitiesAndLabelsOfEachImagesOwnSize) {
  SegmentationModel model(options());
  model.eval();
  const Predictions predictions = model.predict(random_batch(2, classes()));
  ASSERT_EQ(predictions.size(), 2U);
  for (std::int64_t i = 0; i < 2; ++i) {
    const Prediction& prediction = predictions[static_cast<std::size_t>(i)];
    EXPECT_THAT(prediction.probabilities.sizes().vec(),
                testing::ElementsAre(classes(), 29, 31 - i));
    EXPECT_THAT(prediction.labels.sizes().vec(), testing::ElementsAre(29, 31 - i));
    EXPECT_EQ(prediction.labels.scalar_type(), torch::kByte);
    EXPECT_EQ(prediction.probabilities.scalar_type(), torch::kFloat);
    EXPECT_FALSE(prediction.probabilities.requires_grad());
    EXPECT_LE(prediction.labels.max().item<std::int64_t>(), classes());
    EXPECT_TRUE(torch::equal(model.label_map(prediction.probabilities), prediction.labels));
  }
}

TEST_P(EveryActivation, AnEmptyBatchGivesZeroLossesThatReachEveryParameter) {
  SegmentationModel model(options());
  const Losses losses = model.loss(datasets::slice(random_batch(1, classes()), 0, 0));
  ASSERT_EQ(losses.size(), 2U);
  objective_of(losses).backward();
  for (const auto& [name, part] : losses) {
    EXPECT_EQ(part.weight, 0);
    EXPECT_EQ(part.sum.item<double>(), 0);
  }
  for (const auto& parameter : model.named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    EXPECT_EQ(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  }
}

TEST_P(EveryActivation, WeightsWithoutForwardAreThoseOfTheLoss) {
  SegmentationModel model(options());
  const auto batch = random_batch(3, classes());
  const auto weights = model.loss_weights(batch);
  ASSERT_TRUE(weights.has_value());
  for (const auto& [name, part] : model.loss(batch)) EXPECT_EQ(part.weight, weights->at(name));
}

INSTANTIATE_TEST_SUITE_P(Activations, EveryActivation,
                         testing::Values(std::tuple{Activation::kSigmoid, 1},
                                         std::tuple{Activation::kSigmoid, 3},
                                         std::tuple{Activation::kSoftmax, 1},
                                         std::tuple{Activation::kSoftmax, 3}));

TEST(SegmentationModel, KeysAreTheNetworksOwn) {
  SegmentationModelOptions options = small_model(Activation::kSigmoid, 1);
  options.network = "retina_unet";
  const SegmentationModel model(options);
  EXPECT_EQ(model.named_parameters().front().key(), "enc1_1.0.weight");
}

TEST(SegmentationModel, InBf16LossesAndParametersStayFp32AndCloseToThem) {
  SegmentationModelOptions options = small_model(Activation::kSoftmax, 2);
  const auto batch = random_batch(2, 2);
  SegmentationModel exact(options);
  options.precision = Precision::kBf16;
  SegmentationModel rounded(options);
  const Losses a = exact.loss(batch), b = rounded.loss(batch);
  for (const auto& [name, part] : a) {
    EXPECT_EQ(b.at(name).sum.scalar_type(), torch::kFloat);
    const double value = part.sum.item<double>();
    EXPECT_NEAR(b.at(name).sum.item<double>(), value, 0.02 * value);
    EXPECT_NE(b.at(name).sum.item<double>(), value) << "the network did not run in bf16";
  }
  objective_of(b).backward();
  for (const auto& parameter : rounded.parameters())
    EXPECT_EQ(parameter.grad().scalar_type(), torch::kFloat);
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
}

TEST(SegmentationModel, GradientsHaveTheStridesOfTheirParameters) {
  for (const std::string network : {"unet", "retina_unet"})
    for (const auto precision : {Precision::kFp32, Precision::kBf16})
      for (const auto layout : {MemoryLayout::kChannelsLast, MemoryLayout::kContiguous}) {
        SegmentationModelOptions options = small_model(Activation::kSigmoid, 1);
        options.network = network;
        options.precision = precision;
        options.layout = layout;
        SegmentationModel model(options);
        objective_of(model.loss(random_batch(2, 1))).backward();
        for (const auto& parameter : model.named_parameters())
          EXPECT_EQ(parameter.value().grad().strides(), parameter.value().strides())
              << network << " " << parameter.key() << " " << name_of(precision) << " "
              << parameter.value().sizes();
      }
}

TEST(SegmentationModel, LearnsOneBatchByHeart) {
  SegmentationModelOptions options = small_model(Activation::kSoftmax, 1);
  options.network_options.width = 8;
  SegmentationModel model(options);
  datasets::Batch batch = random_batch(2, 1);
  for (std::size_t i = 0; i < 2; ++i) {
    auto labels = torch::zeros({32, 32}, torch::kLong);
    labels.slice(0, 8, 20).slice(1, 4 + static_cast<std::int64_t>(i), 16).fill_(1);
    batch.images[static_cast<std::int64_t>(i)][0] =
        labels.to(torch::kFloat) + 0.3 * torch::randn({32, 32});
    batch.targets[i].at(datasets::kSegmentation).labels = labels;
  }
  torch::optim::Adam optimizer(model.parameters(), torch::optim::AdamOptions(5e-3));
  for (int step = 0; step < 60; ++step) {
    optimizer.zero_grad();
    objective_of(model.loss(batch)).backward();
    optimizer.step();
  }
  EXPECT_LT(objective_of(model.loss(batch)).item<double>(), 0.1);
}

TEST(LabelMap, OfASigmoidIsTheMostProbableClassAboveTheThreshold) {
  SegmentationModelOptions options = small_model(Activation::kSigmoid, 2);
  const auto probabilities =
      torch::tensor({{{0.4F, 0.6F, 0.7F}}, {{0.3F, 0.55F, 0.9F}}});  // [2, 1, 3]
  const SegmentationModel half(options);
  EXPECT_TRUE(
      torch::equal(half.label_map(probabilities).to(torch::kLong), torch::tensor({{0, 1, 2}})));
  options.threshold_on = ThresholdOn::kLogit;
  const SegmentationModel logit(options);  // a logit of 0.5 is a probability of 0.622
  EXPECT_TRUE(
      torch::equal(logit.label_map(probabilities).to(torch::kLong), torch::tensor({{0, 0, 2}})));
}

TEST(LabelMap, OfASoftmaxIsTheMostProbableOfBackgroundAndClasses) {
  const SegmentationModel model(small_model(Activation::kSoftmax, 2));
  const auto probabilities =
      torch::tensor({{{0.2F, 0.4F, 0.1F}}, {{0.3F, 0.35F, 0.45F}}});  // background 0.5, 0.25, 0.45
  EXPECT_TRUE(torch::equal(model.label_map(probabilities).to(torch::kLong).slice(1, 0, 2),
                           torch::tensor({{0, 1}})));
}

TEST(SegmentationModel, RefusesLabelsAboveItsClassesAndNamesTheSample) {
  SegmentationModel model(small_model(Activation::kSigmoid, 1));
  auto batch = random_batch(2, 1);
  batch.targets[1].at(datasets::kSegmentation).labels[0][0] = 2;
  try {
    model.loss(batch);
    FAIL() << "a label above the classes was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "[model.unet] label 2 in sample 'case/1'; 0 to 1 are allowed");
  }
  batch.targets[0].clear();
  EXPECT_THROW(model.loss(batch), std::invalid_argument);
}

TEST(SegmentationModel, RefusesOneLossTwice) {
  auto options = small_model(Activation::kSigmoid, 1);
  options.losses = {{.name = "dice"}, {.name = "dice"}};
  EXPECT_THROW(SegmentationModel{options}, std::invalid_argument);
  options.losses.clear();
  EXPECT_THROW(SegmentationModel{options}, std::invalid_argument);
}

/// A convolution to the logits, and one to auxiliary logits of half the size.
class DeeplySupervised : public SegmentationNetwork {
 public:
  explicit DeeplySupervised(std::int64_t out_channels)
      : head_(register_module("head", torch::nn::Conv2d(1, out_channels, 1))),
        side_(register_module("side", torch::nn::Conv2d(1, out_channels, 1))) {}
  torch::Tensor forward(const torch::Tensor& images) override { return head_(images); }
  std::vector<torch::Tensor> forward_all(const torch::Tensor& images) override {
    return {head_(images), side_(torch::avg_pool2d(images, 2)), side_(images)};
  }
  std::vector<AuxiliaryHead> auxiliary_heads() const override {
    return {{"aux", 0.5}, {"deep", 0.25}};
  }
  std::int64_t size_multiple() const override { return 2; }

 private:
  torch::nn::Conv2d head_, side_;
};

TEST(LabelMap, OfClassesThatOverlapPaintsEachOverThoseBeforeIt) {
  SegmentationModelOptions options = small_model(Activation::kSigmoid, 2);
  options.regions = {{1, 2, 3}, {3}};
  SegmentationModel model(options);
  const auto probabilities =
      torch::tensor({{{0.9F, 0.9F, 0.4F, 0.1F}}, {{0.1F, 0.6F, 0.6F, 0.2F}}});
  EXPECT_TRUE(
      torch::equal(model.label_map(probabilities).to(torch::kLong), torch::tensor({{1, 2, 2, 0}})));
  EXPECT_TRUE(torch::equal(model.label_map(probabilities.narrow(0, 1, 1)).to(torch::kLong),
                           torch::tensor({{0, 1, 1, 0}})));
  auto batch = random_batch(2, 3);
  EXPECT_EQ(model.loss(batch).size(), 2U) << "labels up to 3 are of its regions";
  batch.targets[1].at(datasets::kSegmentation).labels[0][0] = 4;
  EXPECT_THROW(model.loss(batch), std::invalid_argument);
}

TEST(DeepSupervision, EveryLossIsTakenOfTheEnlargedAuxiliaryLogitsTimesTheirWeight) {
  const auto network = std::make_shared<DeeplySupervised>(3);
  SegmentationModel model(small_model(Activation::kSoftmax, 2), network);
  const auto batch = random_batch(2, 2);
  const torch::Tensor labels = torch::stack({batch.targets[0].at(datasets::kSegmentation).labels,
                                             batch.targets[1].at(datasets::kSegmentation).labels});

  const Losses losses = model.loss(batch);

  ASSERT_EQ(losses.size(), 2U * 3);
  const NetworkOutputs outputs = network->outputs(batch.images);
  const torch::Tensor enlarged =
      at::upsample_bilinear2d(outputs.auxiliary[0], {32, 32}, /*align_corners=*/false);
  for (const std::string name : {"cross_entropy", "dice"}) {
    const auto loss =
        make_loss({.name = name, .factor = name == "dice" ? 0.5 : 1}, {2, Activation::kSoftmax});
    const auto value = [&](const torch::Tensor& logits) {
      return (*loss)({logits, labels}).at(name).sum.item<float>();
    };
    EXPECT_FLOAT_EQ(losses.at(name).sum.item<float>(), value(outputs.logits));
    EXPECT_FLOAT_EQ(losses.at("aux_" + name).sum.item<float>(), 0.5F * value(enlarged));
    EXPECT_FLOAT_EQ(losses.at("deep_" + name).sum.item<float>(),
                    0.25F * value(outputs.auxiliary[1]));
  }
  const LossWeights weights = model.loss_weights(batch).value();
  ASSERT_EQ(weights.size(), losses.size());
  for (const auto& [name, part] : losses) EXPECT_EQ(part.weight, weights.at(name)) << name;
  objective_of(losses).backward();
  for (const auto& parameter : model.named_parameters())
    EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
}

TEST(DeepSupervision, AnEmptyBatchReachesTheAuxiliaryHeadsAndPredictionLeavesThemOut) {
  SegmentationModel model(small_model(Activation::kSigmoid, 1),
                          std::make_shared<DeeplySupervised>(1));
  const Losses losses = model.loss(datasets::slice(random_batch(1, 1), 0, 0));
  ASSERT_EQ(losses.size(), 2U * 3);
  objective_of(losses).backward();
  for (const auto& parameter : model.named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    EXPECT_EQ(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  }
  model.eval();
  EXPECT_EQ(model.predict(random_batch(2, 1)).size(), 2U);
}

TEST(LossWithParameters, TheyAreTheModelsUnderLossesAndTheNetworksStartAsWithoutIt) {
  SegmentationModelOptions options = small_model(Activation::kSigmoid, 1);
  const SegmentationModel plain(options);
  options.losses.push_back({.name = "contrastive", .factor = 0.1});
  SegmentationModel model(options);
  const auto parameters = model.named_parameters();
  EXPECT_EQ(parameters["losses.contrastive.first.weight"].sizes(), (at::IntArrayRef{4, 4}));
  EXPECT_EQ(parameters["losses.contrastive.second.weight"].sizes(), (at::IntArrayRef{128, 4}));
  EXPECT_EQ(parameters.size(), plain.named_parameters().size() + 4);
  for (const auto& parameter : plain.named_parameters())
    EXPECT_TRUE(torch::equal(parameter.value(), parameters[parameter.key()])) << parameter.key();
  auto batch = random_batch(2, 1);
  batch.random_keys = {1, 2};
  objective_of(model.loss(batch)).backward();
  for (const auto& parameter : parameters)
    EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  const Losses none = model.loss(datasets::slice(batch, 0, 0));
  EXPECT_EQ(none.at("contrastive").weight, 0);
}

TEST(LossWithParameters, OfFeaturesAloneIsRefused) {
  auto options = small_model(Activation::kSigmoid, 1);
  options.losses = {{.name = "contrastive"}};
  EXPECT_THROW(SegmentationModel{options}, std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
