#include "models/losses/losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "datasets/batch.h"
#include "models/init.h"
#include "models/losses/boundary.h"
#include "tests/models/golden_numbers.h"

namespace medsweep::models {
namespace {

double objective(const Losses& losses) {
  double total = 0;
  for (const auto& [name, part] : losses) total += part.sum.item<double>() / part.weight;
  return total;
}

TEST(GoldenLosses, ValueAndGradientEqualPyTorchAndMonai) {
  std::size_t cases = 0;
  const auto numbers = golden::numbers();
  for (const auto& expected : numbers["losses"]) {
    const std::int64_t classes = expected["classes"];
    const auto activation = activation_of(expected["activation"].get<std::string>());
    LossOptions options{.name = expected["loss"], .alpha = 0.3, .beta = 0.7};
    if (options.name == "dice_batch") options = {.name = "dice", .over = DiceOver::kBatch};
    if (options.name == "focal") options.gamma = 2;
    if (options.name == "focal_tversky") options.gamma = 4.0 / 3;
    const auto loss = make_loss(options, {classes, activation});
    const std::int64_t channels = classes + (activation == Activation::kSoftmax ? 1 : 0);
    for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const torch::Tensor logits = (3 * golden::uniform(golden::kLogits, {2, channels, 6, 10}))
                                       .contiguous(layout)
                                       .requires_grad_();
      torch::Tensor labels =
          golden::integers(golden::kLabels + static_cast<std::uint32_t>(10 * classes), {2, 6, 10},
                           static_cast<std::uint32_t>(classes + 1));
      if (expected["ignored"].get<bool>())
        labels.masked_fill_(golden::integers(golden::kLabels + 7, {2, 6, 10}, 5) == 0,
                            datasets::kIgnored);
      SCOPED_TRACE(expected["loss"].get<std::string>() + " " +
                   expected["activation"].get<std::string>());

      const Losses got = (*loss)({logits, labels});

      const double mean = expected["mean"];
      EXPECT_NEAR(objective(got), mean, 1e-5 * mean);
      torch::Tensor total = torch::zeros({});
      for (const auto& [name, part] : got) total = total + part.sum / part.weight;
      total.backward();
      const auto gradient =
          torch::tensor(expected["gradient"].get<std::vector<float>>()).view(logits.sizes());
      EXPECT_LE((logits.grad() - gradient).norm().item<double>(),
                1e-5 * gradient.norm().item<double>());
      ++cases;
    }
  }
  EXPECT_EQ(cases, 2U * 3 * 2 * 8);
}

LossOptions options_of(const nlohmann::json& expected) {
  LossOptions options{.name = expected["loss"]};
  const auto& given = expected["options"];
  if (given.value("squared", false)) options.power = DicePower::kSquared;
  if (given.value("background", false)) options.background = Background::kIncluded;
  if (given.value("over", "") == "batch" || options.name == "cbl") options.over = DiceOver::kBatch;
  options.class_weights = given.value("class_weights", options.class_weights);
  return options;
}

TEST(GoldenLosses, OfImagesAndVolumesEqualMonaiPyTorchAndScipy) {
  std::ifstream file(golden::path_of("losses.json"));
  const auto numbers = nlohmann::json::parse(file);
  std::size_t volumes = 0;
  for (const auto& expected : numbers["cases"]) {
    SCOPED_TRACE(expected["loss"].get<std::string>() + " " + expected["options"].dump());
    const auto activation = activation_of(expected["activation"].get<std::string>());
    const auto loss = make_loss(options_of(expected), {3, activation});
    loss->observe_dice(expected["options"].value("observed", std::vector<double>{}));
    auto shape = expected["shape"].get<std::vector<std::int64_t>>();
    shape.insert(shape.begin(), 2);
    torch::Tensor labels = golden::integers(golden::kLabels, shape, 4);
    if (expected["options"].value("ignored", false))
      labels.masked_fill_(golden::integers(golden::kLabels + 7, shape, 5) == 0, datasets::kIgnored);
    shape.insert(shape.begin() + 1, activation == Activation::kSoftmax ? 4 : 3);
    const torch::Tensor logits = (3 * golden::uniform(golden::kLogits, shape)).requires_grad_();

    const Losses got = (*loss)({logits, labels});

    const double mean = expected["mean"];
    EXPECT_NEAR(objective(got), mean, 1e-5 * std::abs(mean));
    torch::Tensor total = torch::zeros({});
    for (const auto& [name, part] : got) total = total + part.sum / part.weight;
    total.backward();
    const auto gradient =
        torch::tensor(expected["gradient"].get<std::vector<float>>()).view(logits.sizes());
    EXPECT_LE((logits.grad() - gradient).norm().item<double>(),
              1e-5 * gradient.norm().item<double>());
    volumes += logits.dim() == 5 ? 1 : 0;
  }
  EXPECT_EQ(volumes, 14U);
  EXPECT_EQ(numbers["cases"].size(), 28U);
}

struct LossCase {
  std::string name;
  Activation activation;
};

std::vector<LossCase> loss_cases() {
  std::vector<LossCase> cases;
  for (const Row& row : loss_rows())
    for (const auto activation : {Activation::kSoftmax, Activation::kSigmoid}) {
      if (row.name == "bce" && activation == Activation::kSoftmax) continue;
      const bool softmax_alone = row.name == "cross_entropy" || row.name == "cbl";
      if (softmax_alone && activation == Activation::kSigmoid) continue;
      cases.push_back({std::string(row.name), activation});
    }
  return cases;
}

/// Every loss keeps these contracts, whichever row it is.
class EveryLoss : public testing::TestWithParam<LossCase> {
 protected:
  static constexpr std::int64_t kClasses = 3, kFeatures = 5;
  std::int64_t channels() const {
    return kClasses + (GetParam().activation == Activation::kSoftmax ? 1 : 0);
  }
  std::unique_ptr<SegmentationLoss> make(double factor = 1) const {
    auto loss = make_loss({.name = GetParam().name, .factor = factor, .alpha = 0.2, .gamma = 1.5},
                          {kClasses, GetParam().activation, kFeatures});
    if (const auto own = loss->module()) initialize(*own, "default", 7);
    return loss;
  }
  torch::Tensor features() const { return golden::uniform(3, {4, kFeatures, 8, 12}); }
  /// Samples [first, last) of the four.
  LossInput input(const torch::Tensor& logits, std::int64_t first = 0,
                  std::int64_t last = 4) const {
    const std::vector<std::uint64_t> keys{11, 12, 13, 14};
    return {logits.slice(0, first, last),
            labels().slice(0, first, last),
            features().slice(0, first, last),
            {keys.begin() + first, keys.begin() + last}};
  }
  torch::Tensor logits() const { return 2 * golden::uniform(1, {4, channels(), 8, 12}); }
  torch::Tensor labels() const {
    torch::Tensor map = golden::integers(2, {4, 8, 12}, kClasses + 1);
    map.slice(1, 6).fill_(datasets::kIgnored);
    map[3].fill_(datasets::kIgnored);
    return map;
  }
};

TEST_P(EveryLoss, IsASumOverSamplesWithAWeightThatFollowsFromTheTargets) {
  const auto loss = make();
  const Losses whole = (*loss)(input(logits()));
  const LossWeights weights = loss->weights(labels());
  ASSERT_EQ(weights.size(), whole.size());
  for (const auto& [name, part] : whole) {
    EXPECT_EQ(part.weight, weights.at(name)) << name;
    double sum = 0, weight = 0;
    for (const auto& [first, last] : {std::pair{0, 1}, std::pair{1, 4}}) {
      const Losses piece = (*loss)(input(logits(), first, last));
      sum += piece.at(name).sum.item<double>();
      weight += piece.at(name).weight;
    }
    EXPECT_NEAR(part.sum.item<double>(), sum, 1e-5 * std::abs(sum)) << name;
    EXPECT_EQ(part.weight, weight) << name;
  }
}

TEST_P(EveryLoss, IgnoredPixelsCountInNothing) {
  const auto loss = make();
  torch::Tensor changed = logits();
  changed.slice(2, 6).fill_(7);
  changed[3].fill_(-30);
  changed.requires_grad_();
  const Losses got = (*loss)(input(changed)), before = (*loss)(input(logits()));
  for (const auto& [name, part] : got)
    EXPECT_FLOAT_EQ(part.sum.item<float>(), before.at(name).sum.item<float>()) << name;
  torch::Tensor total = torch::zeros({});
  for (const auto& [name, part] : got) total = total + part.sum;
  total.backward();
  EXPECT_EQ(changed.grad().slice(2, 6).abs().sum().item<double>(), 0);
  EXPECT_EQ(changed.grad()[3].abs().sum().item<double>(), 0);
}

TEST_P(EveryLoss, FactorMultipliesTheSumAlone) {
  const Losses one = (*make())(input(logits())), three = (*make(3))(input(logits()));
  for (const auto& [name, part] : one) {
    EXPECT_FLOAT_EQ(3 * part.sum.item<float>(), three.at(name).sum.item<float>()) << name;
    EXPECT_EQ(part.weight, three.at(name).weight) << name;
  }
}

TEST_P(EveryLoss, OfNoSamplesIsZeroAndFinite) {
  const Losses got = (*make())(input(logits(), 0, 0));
  for (const auto& [name, part] : got) {
    EXPECT_EQ(part.sum.item<double>(), 0) << name;
    EXPECT_EQ(part.weight, 0) << name;
  }
}

TEST_P(EveryLoss, OfAVolumeIsThatOfItsSlicesSideBySide) {
  if (GetParam().name == "boundary") GTEST_SKIP() << "distances go through the slices";
  const auto loss = make();
  const auto volume = [](const torch::Tensor& plane) {  // [..., 8, 12] -> [..., 3, 8, 4]
    std::vector<std::int64_t> shape = plane.sizes().vec();
    shape.back() = 3;
    shape.push_back(4);
    return plane.reshape(shape).transpose(-3, -2);
  };
  for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast3d}) {
    const torch::Tensor flat = logits().requires_grad_();
    const torch::Tensor deep = volume(logits()).contiguous(layout).requires_grad_();
    LossInput of_volume = input(deep);
    of_volume.labels = volume(labels());
    of_volume.features = volume(features());
    const Losses expected = (*loss)(input(flat)), got = (*loss)(of_volume);
    ASSERT_EQ(got.size(), expected.size());
    torch::Tensor a = torch::zeros({}), b = torch::zeros({});
    for (const auto& [name, part] : expected) {
      EXPECT_FLOAT_EQ(got.at(name).sum.item<float>(), part.sum.item<float>()) << name;
      EXPECT_EQ(got.at(name).weight, part.weight) << name;
      a = a + part.sum, b = b + got.at(name).sum;
    }
    a.backward(), b.backward();
    EXPECT_TRUE(torch::allclose(deep.grad(), volume(flat.grad()), 1e-4, 1e-6));
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryLoss, testing::ValuesIn(loss_cases()), [](const auto& info) {
  return info.param.name +
         (info.param.activation == Activation::kSoftmax ? "_softmax" : "_sigmoid");
});

TEST(GeneralizedDice, AnAbsentClassTakesTheLargestWeightOfItsSample) {
  const auto loss = make_loss({.name = "generalized_dice"}, {2, Activation::kSigmoid});
  torch::Tensor labels = torch::zeros({1, 2, 4}, torch::kLong);
  labels[0][0].fill_(1);  // four pixels of class 1, none of class 2: both weigh 1 / 16
  const torch::Tensor logits = torch::zeros({1, 2, 2, 4});  // every probability is a half
  const double expected = 1 - (2.0 * 2 / 16 + 1e-5) / ((4 + 4 + 4.0) / 16 + 1e-5);
  EXPECT_NEAR(objective((*loss)({logits, labels})), expected, 1e-6);
}

TEST(Tversky, WithHalvesItIsDice) {
  const torch::Tensor logits = 2 * golden::uniform(1, {2, 3, 8, 12});
  const torch::Tensor labels = golden::integers(2, {2, 8, 12}, 4);
  const auto value = [&](const LossOptions& options) {
    return objective((*make_loss(options, {3, Activation::kSigmoid}))({logits, labels}));
  };
  EXPECT_NEAR(value({.name = "tversky"}), value({.name = "dice"}), 1e-6);
  EXPECT_GT(value({.name = "focal_tversky", .gamma = 2}), value({.name = "tversky"}));
}

TEST(Focal, WithGammaZeroItIsCrossEntropy) {
  const torch::Tensor labels = golden::integers(2, {2, 8, 12}, 4);
  const auto value = [&](const LossOptions& options, Activation activation) {
    const std::int64_t channels = activation == Activation::kSigmoid ? 3 : 4;
    const torch::Tensor logits = 2 * golden::uniform(1, {2, channels, 8, 12});
    return objective((*make_loss(options, {3, activation}))({logits, labels}));
  };
  EXPECT_NEAR(value({.name = "focal", .gamma = 0}, Activation::kSoftmax),
              value({.name = "cross_entropy"}, Activation::kSoftmax), 1e-6);
  EXPECT_NEAR(value({.name = "focal", .gamma = 0}, Activation::kSigmoid),
              value({.name = "bce"}, Activation::kSigmoid), 1e-6);
}

/// A batch of two samples of two classes beside the background.
struct ContrastiveCase {
  LossOptions options{.name = "contrastive", .temperature = 0.2, .dimension = 6};
  LossTask task{2, Activation::kSoftmax, 5};
  LossInput input{3 * golden::uniform(1, {2, 3, 6, 8}),
                  golden::integers(2, {2, 6, 8}, 3),
                  golden::uniform(3, {2, 5, 6, 8}),
                  {21, 22}};
  std::unique_ptr<SegmentationLoss> make() const {
    auto loss = make_loss(options, task);
    initialize(*loss->module(), "default", 7);
    return loss;
  }
};

/// The sum over a sample's pixels, one at a time.
double contrastive_of_all_pixels(const ContrastiveCase& of, torch::nn::Module& projection,
                                 std::int64_t sample, double& count) {
  const auto weights = projection.named_parameters();
  const torch::Tensor features = of.input.features[sample].flatten(1).t();
  const torch::Tensor hidden =
      (features.mm(weights["first.weight"].t()) + weights["first.bias"]).clamp_min(0);
  torch::Tensor points = hidden.mm(weights["second.weight"].t()) + weights["second.bias"];
  points = (points / points.norm(2, 1, true)).to(torch::kDouble);
  const torch::Tensor labels = of.input.labels[sample].flatten();
  const auto label = [&](std::int64_t i) { return labels[i].item<std::int64_t>(); };
  const torch::Tensor raised = (points.mm(points.t()) / of.options.temperature).exp();
  const auto similar = raised.accessor<double, 2>();
  double sum = 0;
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    double others = 0, own = 0, positives = 0;
    for (std::int64_t j = 0; j < labels.numel(); ++j)
      if (label(j) != label(i)) others += similar[i][j];
    for (std::int64_t j = 0; j < labels.numel(); ++j) {
      if (j == i || label(j) != label(i)) continue;
      own -= std::log(similar[i][j] / (similar[i][j] + others));
      ++positives;
    }
    if (positives > 0) sum += own / positives, ++count;
  }
  return sum;
}

TEST(Contrastive, WithEveryPixelAnAnchorItIsItsFormula) {
  const ContrastiveCase of;
  const auto loss = of.make();
  double sum = 0, count = 0;
  for (std::int64_t i = 0; i < 2; ++i)
    sum += contrastive_of_all_pixels(of, *loss->module(), i, count);
  const Losses got = (*loss)(of.input);
  EXPECT_NEAR(got.at("contrastive").sum.item<double>(), sum, 1e-4 * sum);
  EXPECT_EQ(got.at("contrastive").weight, count);
}

TEST(Contrastive, AnchorsFollowFromTheSamplesKeyAlone) {
  ContrastiveCase of;
  of.options.anchors = 4;
  const auto loss = of.make();
  const auto sum = [&](const LossInput& input) {
    return (*loss)(input).at("contrastive").sum.item<float>();
  };
  const float whole = sum(of.input);
  EXPECT_EQ(sum(of.input), whole);
  float parts = 0;
  for (const std::int64_t i : {1, 0})
    parts += sum({of.input.logits.slice(0, i, i + 1),
                  of.input.labels.slice(0, i, i + 1),
                  of.input.features.slice(0, i, i + 1),
                  {of.input.random_keys[static_cast<std::size_t>(i)]}});
  EXPECT_FLOAT_EQ(parts, whole);
  LossInput other = of.input;
  other.random_keys[0] = 99;
  EXPECT_NE(sum(other), whole);
}

TEST(Contrastive, HardAnchorsAreThoseThatTheLogitsGetWrong) {
  ContrastiveCase of;
  of.options.anchors = 4;
  // Right everywhere but in the upper half of the background and of class 1.
  of.input.labels = torch::arange(2 * 48).view({2, 6, 8}).remainder(2);
  torch::Tensor predicted = of.input.labels.clone();
  predicted.slice(1, 0, 3).fill_(2);
  of.input.logits =
      torch::one_hot(predicted, 3).permute({0, 3, 1, 2}).to(torch::kFloat).contiguous();
  const auto touched_rows = [&](double hard) {
    of.options.hard = hard;
    of.input.features = golden::uniform(3, {2, 5, 6, 8}).requires_grad_();
    (*of.make())(of.input).at("contrastive").sum.backward();
    const torch::Tensor anchors = of.input.features.grad().abs().sum(1).gt(0);  // [2, 6, 8]
    EXPECT_EQ(anchors.sum().item<std::int64_t>(), 2 * 2 * 4);
    return anchors.slice(1, 0, 3).sum().item<std::int64_t>();
  };
  EXPECT_EQ(touched_rows(1), 16);
  EXPECT_EQ(touched_rows(0.5), 8);
  EXPECT_EQ(touched_rows(0), 0);
}

TEST(Contrastive, ASampleOfOneClassGivesZeroAndStillReachesTheProjection) {
  ContrastiveCase of;
  of.input.labels = torch::zeros({2, 6, 8}, torch::kLong);
  const auto loss = of.make();
  const Losses got = (*loss)(of.input);
  EXPECT_EQ(got.at("contrastive").weight, 0);
  EXPECT_EQ(got.at("contrastive").sum.item<double>(), 0);
  got.at("contrastive").sum.backward();
  for (const auto& parameter : loss->module()->parameters())
    ASSERT_TRUE(parameter.grad().defined());
}

TEST(Contrastive, RefusesNetworksWithoutFeaturesAndBadOptions) {
  const auto make = [](const LossOptions& options, std::int64_t features) {
    return make_loss(options, {1, Activation::kSigmoid, features});
  };
  EXPECT_THROW(make({.name = "contrastive"}, 0), std::invalid_argument);
  EXPECT_THROW(make({.name = "contrastive", .temperature = 0}, 4), std::invalid_argument);
  EXPECT_THROW(make({.name = "contrastive", .anchors = 1}, 4), std::invalid_argument);
  EXPECT_THROW(make({.name = "contrastive", .hard = 1.1}, 4), std::invalid_argument);
  EXPECT_THROW(make({.name = "contrastive", .dimension = 0}, 4), std::invalid_argument);
}

TEST(Regions, AreEachComparedWithTheUnionOfTheirLabels) {
  const LossTask task{2, Activation::kSigmoid, 0, {{1, 2, 3}, {3}}};
  EXPECT_EQ(task.labels(), 3);
  const torch::Tensor labels = golden::integers(2, {2, 8, 12}, 4);
  const torch::Tensor logits = golden::uniform(1, {2, 2, 8, 12});
  const torch::Tensor truth = torch::stack({labels.gt(0), labels.eq(3)}, 1).to(torch::kFloat);
  EXPECT_NEAR(objective((*make_loss({.name = "bce"}, task))({logits, labels})),
              torch::binary_cross_entropy_with_logits(logits, truth).item<double>(), 1e-6);
  const torch::Tensor p = torch::sigmoid(logits);
  const torch::Tensor dice =
      (2 * (p * truth).sum({2, 3}) + 1e-5) / (p.sum({2, 3}) + truth.sum({2, 3}) + 1e-5);
  EXPECT_NEAR(objective((*make_loss({.name = "dice"}, task))({logits, labels})),
              (1 - dice).mean().item<double>(), 1e-6);
  EXPECT_THROW(make_loss({.name = "dice"}, {2, Activation::kSoftmax, 0, {{1}, {1, 2}}}),
               std::invalid_argument);
}

TEST(Boundary, DistancesAreNegativeWithinAndZeroWithoutABoundary) {
  torch::Tensor maps = torch::zeros({1, 3, 1, 6});
  maps[0][0][0].slice(0, 1, 4).fill_(1);  // . # # # . .
  maps[0][1].fill_(1);
  const torch::Tensor distances = signed_distances(maps);
  EXPECT_TRUE(torch::equal(distances[0][0][0], torch::tensor({1.F, 0.F, -1.F, 0.F, 1.F, 2.F})));
  EXPECT_EQ(distances[0].slice(0, 1).abs().sum().item<double>(), 0);
}

TEST(Boundary, IsLeastWhereTheClassIsAndNowhereElse) {
  torch::Tensor labels = torch::zeros({1, 9, 9}, torch::kLong);
  labels.slice(1, 2, 7).slice(2, 2, 7).fill_(1);
  const auto loss = make_loss({.name = "boundary"}, {1, Activation::kSigmoid});
  const auto value = [&](const torch::Tensor& predicted) {
    return objective((*loss)({(40 * predicted.to(torch::kFloat) - 20).unsqueeze(1), labels}));
  };
  const double best = value(labels);
  EXPECT_LT(best, 0);
  EXPECT_LT(best, value(torch::ones_like(labels)));
  EXPECT_LT(value(torch::ones_like(labels)), value(1 - labels));
}

TEST(Cbl, WeighsClassesByTheObservedDiceAndKeepsTheWeightsInBuffers) {
  const LossTask task{3, Activation::kSoftmax};
  const auto loss = make_loss({.name = "cbl"}, task);
  const auto buffers = loss->module()->named_buffers();
  EXPECT_TRUE(torch::equal(buffers["class_weights"], torch::ones({4})));
  EXPECT_EQ(buffers["adapted"].item<std::int64_t>(), 0);
  loss->observe_dice({0.9, 0.4, std::nan("")});
  // The median is 0.65, m is 0.35.
  EXPECT_TRUE(
      torch::allclose(buffers["class_weights"], torch::tensor({0.F, 0.3F / 0.55F, 6.F, 1.F})));
  EXPECT_EQ(buffers["adapted"].item<std::int64_t>(), 1);
  const torch::Tensor labels = golden::integers(2, {2, 4, 4}, 4);
  EXPECT_EQ(loss->weights(labels).at("cbl.cross_entropy"), 32);

  const auto fixed = make_loss(
      {.name = "cbl", .class_weights = {1, 1, 1, 1}, .weighting = ClassWeighting::kFixed}, task);
  fixed->observe_dice({0.9, 0.4, 0.5});
  EXPECT_TRUE(torch::equal(fixed->module()->named_buffers()["class_weights"], torch::ones({4})));
}

TEST(MakeLoss, RefusesWhatItDoesNotTake) {
  EXPECT_THROW(make_loss({.name = "bce"}, {1, Activation::kSoftmax}), std::invalid_argument);
  EXPECT_THROW(make_loss({.name = "cross_entropy"}, {1, Activation::kSigmoid}),
               std::invalid_argument);
  EXPECT_THROW(make_loss({.name = "dice", .factor = 0}, {1, Activation::kSigmoid}),
               std::invalid_argument);
  EXPECT_THROW(make_loss({.name = "dice"}, {0, Activation::kSigmoid}), std::invalid_argument);
  const LossTask softmax{1, Activation::kSoftmax};
  EXPECT_THROW(make_loss({.name = "cbl"}, {1, Activation::kSigmoid}), std::invalid_argument);
  EXPECT_THROW(
      make_loss({.name = "dice", .background = Background::kIncluded}, {1, Activation::kSigmoid}),
      std::invalid_argument);
  for (const std::vector<double>& bad :
       {std::vector<double>{1}, {1, 2, 3}, {1, -1}, {0, 0}, {1, std::nan("")}})
    for (const std::string name : {"cross_entropy", "cbl"})
      EXPECT_THROW(make_loss({.name = name, .class_weights = bad}, softmax), std::invalid_argument);
  for (const LossOptions& bad : {LossOptions{.name = "tversky", .alpha = -0.1},
                                 LossOptions{.name = "tversky", .alpha = 0, .beta = 0},
                                 LossOptions{.name = "focal_tversky", .gamma = 0.9},
                                 LossOptions{.name = "focal", .gamma = -1}})
    EXPECT_THROW(make_loss(bad, {1, Activation::kSigmoid}), std::invalid_argument) << bad.name;
  try {
    make_loss({.name = "dise"}, {1, Activation::kSigmoid});
    FAIL() << "an unknown name was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[loss] unknown name 'dise'; did you mean 'dice'? known: bce cross_entropy dice "
                 "dice_ce generalized_dice tversky focal_tversky focal boundary cbl contrastive");
  }
}

}  // namespace
}  // namespace medsweep::models
