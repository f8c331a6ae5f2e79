#include "models/losses/losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datasets/batch.h"
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
    const auto loss = make_loss(options, classes, activation);
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

      const Losses got = (*loss)(logits, labels);

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

struct LossCase {
  std::string name;
  Activation activation;
};

std::vector<LossCase> loss_cases() {
  std::vector<LossCase> cases;
  for (const Row& row : loss_rows())
    for (const auto activation : {Activation::kSoftmax, Activation::kSigmoid}) {
      if (row.name == "bce" && activation == Activation::kSoftmax) continue;
      if (row.name == "cross_entropy" && activation == Activation::kSigmoid) continue;
      cases.push_back({std::string(row.name), activation});
    }
  return cases;
}

/// Every loss keeps these contracts, whichever row it is.
class EveryLoss : public testing::TestWithParam<LossCase> {
 protected:
  static constexpr std::int64_t kClasses = 3;
  std::int64_t channels() const {
    return kClasses + (GetParam().activation == Activation::kSoftmax ? 1 : 0);
  }
  std::unique_ptr<SegmentationLoss> make(double factor = 1) const {
    return make_loss({.name = GetParam().name, .factor = factor, .alpha = 0.2, .gamma = 1.5},
                     kClasses, GetParam().activation);
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
  const Losses whole = (*loss)(logits(), labels());
  const LossWeights weights = loss->weights(labels());
  ASSERT_EQ(weights.size(), whole.size());
  for (const auto& [name, part] : whole) {
    EXPECT_EQ(part.weight, weights.at(name)) << name;
    double sum = 0, weight = 0;
    for (const auto& [first, last] : {std::pair{0, 1}, std::pair{1, 4}}) {
      const Losses piece = (*loss)(logits().slice(0, first, last), labels().slice(0, first, last));
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
  const Losses got = (*loss)(changed, labels()), before = (*loss)(logits(), labels());
  for (const auto& [name, part] : got)
    EXPECT_FLOAT_EQ(part.sum.item<float>(), before.at(name).sum.item<float>()) << name;
  torch::Tensor total = torch::zeros({});
  for (const auto& [name, part] : got) total = total + part.sum;
  total.backward();
  EXPECT_EQ(changed.grad().slice(2, 6).abs().sum().item<double>(), 0);
  EXPECT_EQ(changed.grad()[3].abs().sum().item<double>(), 0);
}

TEST_P(EveryLoss, FactorMultipliesTheSumAlone) {
  const Losses one = (*make())(logits(), labels()), three = (*make(3))(logits(), labels());
  for (const auto& [name, part] : one) {
    EXPECT_FLOAT_EQ(3 * part.sum.item<float>(), three.at(name).sum.item<float>()) << name;
    EXPECT_EQ(part.weight, three.at(name).weight) << name;
  }
}

TEST_P(EveryLoss, OfNoSamplesIsZeroAndFinite) {
  const Losses got = (*make())(logits().slice(0, 0, 0), labels().slice(0, 0, 0));
  for (const auto& [name, part] : got) {
    EXPECT_EQ(part.sum.item<double>(), 0) << name;
    EXPECT_EQ(part.weight, 0) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryLoss, testing::ValuesIn(loss_cases()), [](const auto& info) {
  return info.param.name +
         (info.param.activation == Activation::kSoftmax ? "_softmax" : "_sigmoid");
});

TEST(GeneralizedDice, AnAbsentClassTakesTheLargestWeightOfItsSample) {
  const auto loss = make_loss({.name = "generalized_dice"}, 2, Activation::kSigmoid);
  torch::Tensor labels = torch::zeros({1, 2, 4}, torch::kLong);
  labels[0][0].fill_(1);  // four pixels of class 1, none of class 2: both weigh 1 / 16
  const torch::Tensor logits = torch::zeros({1, 2, 2, 4});  // every probability is a half
  const double expected = 1 - (2.0 * 2 / 16 + 1e-5) / ((4 + 4 + 4.0) / 16 + 1e-5);
  EXPECT_NEAR(objective((*loss)(logits, labels)), expected, 1e-6);
}

TEST(Tversky, WithHalvesItIsDice) {
  const torch::Tensor logits = 2 * golden::uniform(1, {2, 3, 8, 12});
  const torch::Tensor labels = golden::integers(2, {2, 8, 12}, 4);
  const auto value = [&](const LossOptions& options) {
    return objective((*make_loss(options, 3, Activation::kSigmoid))(logits, labels));
  };
  EXPECT_NEAR(value({.name = "tversky"}), value({.name = "dice"}), 1e-6);
  EXPECT_GT(value({.name = "focal_tversky", .gamma = 2}), value({.name = "tversky"}));
}

TEST(Focal, WithGammaZeroItIsCrossEntropy) {
  const torch::Tensor labels = golden::integers(2, {2, 8, 12}, 4);
  const auto value = [&](const LossOptions& options, Activation activation) {
    const std::int64_t channels = activation == Activation::kSigmoid ? 3 : 4;
    const torch::Tensor logits = 2 * golden::uniform(1, {2, channels, 8, 12});
    return objective((*make_loss(options, 3, activation))(logits, labels));
  };
  EXPECT_NEAR(value({.name = "focal", .gamma = 0}, Activation::kSoftmax),
              value({.name = "cross_entropy"}, Activation::kSoftmax), 1e-6);
  EXPECT_NEAR(value({.name = "focal", .gamma = 0}, Activation::kSigmoid),
              value({.name = "bce"}, Activation::kSigmoid), 1e-6);
}

TEST(MakeLoss, RefusesWhatItDoesNotTake) {
  EXPECT_THROW(make_loss({.name = "bce"}, 1, Activation::kSoftmax), std::invalid_argument);
  EXPECT_THROW(make_loss({.name = "cross_entropy"}, 1, Activation::kSigmoid),
               std::invalid_argument);
  EXPECT_THROW(make_loss({.name = "dice", .factor = 0}, 1, Activation::kSigmoid),
               std::invalid_argument);
  EXPECT_THROW(make_loss({.name = "dice"}, 0, Activation::kSigmoid), std::invalid_argument);
  for (const LossOptions& bad : {LossOptions{.name = "tversky", .alpha = -0.1},
                                 LossOptions{.name = "tversky", .alpha = 0, .beta = 0},
                                 LossOptions{.name = "focal_tversky", .gamma = 0.9},
                                 LossOptions{.name = "focal", .gamma = -1}})
    EXPECT_THROW(make_loss(bad, 1, Activation::kSigmoid), std::invalid_argument) << bad.name;
  try {
    make_loss({.name = "dise"}, 1, Activation::kSigmoid);
    FAIL() << "an unknown name was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[loss] unknown name 'dise'; did you mean 'dice'? known: bce cross_entropy dice "
                 "dice_ce generalized_dice tversky focal_tversky focal");
  }
}

}  // namespace
}  // namespace medsweep::models
