#include "models/init.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

namespace medsweep::models {
namespace {

struct Layers : torch::nn::Module {
  torch::nn::Conv2d convolution{nullptr};
  torch::nn::ConvTranspose2d transposed{nullptr};
  torch::nn::BatchNorm2d normalization{nullptr};
  torch::nn::Linear linear{nullptr};
  Layers()
      : convolution(
            register_module("convolution", torch::nn::Conv2d(torch::nn::Conv2dOptions(32, 64, 3)))),
        transposed(register_module(
            "transposed",
            torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(64, 32, 2)))),
        normalization(register_module("normalization", torch::nn::BatchNorm2d(64))),
        linear(register_module("linear", torch::nn::Linear(100, 200))) {}
};

std::shared_ptr<Layers> initialized(std::string_view name, std::uint64_t seed = 0) {
  auto layers = std::make_shared<Layers>();
  initialize(*layers, name, seed);
  return layers;
}

double deviation(const torch::Tensor& weight) { return weight.std().item<double>(); }

class EveryInit : public testing::TestWithParam<std::string> {};

TEST_P(EveryInit, DependsOnTheSeedAndNotOnTorchsGeneratorNorThreads) {
  torch::manual_seed(1);
  const auto first = initialized(GetParam());
  torch::manual_seed(2);
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  const auto second = initialized(GetParam());
  at::set_num_threads(threads);
  const auto other = initialized(GetParam(), 1);
  for (const auto& parameter : first->named_parameters()) {
    // A factorisation may sum in another order with another number of threads.
    const double tolerance = GetParam() == "orthogonal" ? 1e-5 : 0;
    EXPECT_TRUE(torch::allclose(parameter.value(), second->named_parameters()[parameter.key()], 0,
                                tolerance))
        << parameter.key();
  }
  EXPECT_FALSE(torch::equal(first->convolution->weight, other->convolution->weight));
}

TEST_P(EveryInit, NoTwoParametersShareNumbers) {
  const auto layers = initialized(GetParam());
  EXPECT_FALSE(torch::allclose(layers->convolution->weight.flatten().narrow(0, 0, 1000),
                               layers->linear->weight.flatten().narrow(0, 0, 1000), 1e-3));
}

TEST_P(EveryInit, NormalisationsStartAsTheIdentity) {
  const auto layers = initialized(GetParam());
  EXPECT_TRUE(torch::equal(layers->normalization->weight, torch::ones(64)));
  EXPECT_TRUE(torch::equal(layers->normalization->bias, torch::zeros(64)));
}

std::vector<std::string> init_names() {
  std::vector<std::string> names;
  for (const Row& row : init_rows()) names.emplace_back(row.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryInit, testing::ValuesIn(init_names()),
                         [](const auto& info) { return info.param; });

TEST(DefaultInit, HasTorchsDistribution) {
  const auto layers = initialized("default");
  const std::vector<std::pair<torch::Tensor, double>> expected{
      {layers->convolution->weight, 1 / std::sqrt(32 * 9)},
      {layers->convolution->bias, 1 / std::sqrt(32 * 9)},
      {layers->transposed->weight, 1 / std::sqrt(32 * 4)},
      {layers->linear->weight, 1 / std::sqrt(100)},
  };
  for (const auto& [tensor, bound] : expected) {
    const double largest = tensor.abs().max().item<double>();
    EXPECT_LT(largest, bound);
    EXPECT_GT(largest, 0.9 * bound);
  }
  EXPECT_NEAR(deviation(layers->convolution->weight), 1 / std::sqrt(32 * 9) / std::sqrt(3), 1e-3);
}

TEST(NormalInits, HaveTheirVarianceAndNoBias) {
  EXPECT_NEAR(deviation(initialized("normal")->convolution->weight), 0.02, 3e-4);
  EXPECT_NEAR(deviation(initialized("xavier")->linear->weight), std::sqrt(2.0 / 300), 1e-3);
  const auto kaiming = initialized("kaiming");
  const torch::Tensor& weight = kaiming->convolution->weight;
  EXPECT_NEAR(deviation(weight), std::sqrt(2.0 / (32 * 9)), 1e-3);
  EXPECT_NEAR(weight.mean().item<double>(), 0, 2e-3);
  const double fourth = (weight / weight.std()).pow(4).mean().item<double>();
  EXPECT_NEAR(fourth, 3, 0.2) << "the fourth moment of a normal distribution";
  EXPECT_EQ(kaiming->convolution->bias.abs().sum().item<double>(), 0);
}

TEST(OrthogonalInit, RowsOrColumnsAreOrthonormal) {
  const auto layers = initialized("orthogonal");
  const torch::Tensor wide = layers->convolution->weight.flatten(1), tall = layers->linear->weight;
  EXPECT_TRUE(torch::allclose(wide.mm(wide.t()), torch::eye(64), 0, 1e-5));
  EXPECT_TRUE(torch::allclose(tall.t().mm(tall), torch::eye(100), 0, 1e-5));
}

TEST(TorchvisionsInits, HaveTheirDistributions) {
  const auto fan_out = initialized("kaiming_fan_out");
  EXPECT_NEAR(deviation(fan_out->convolution->weight), std::sqrt(2.0 / (64 * 9)), 1e-3);
  EXPECT_EQ(fan_out->convolution->bias.abs().sum().item<double>(), 0);
  const auto uniform = initialized("uniform");
  const double bound = std::sqrt(3.0 / (32 * 9));
  const double largest = uniform->convolution->weight.abs().max().item<double>();
  EXPECT_LT(largest, bound);
  EXPECT_GT(largest, 0.99 * bound);
  EXPECT_EQ(uniform->convolution->bias.abs().sum().item<double>(), 0);
}

TEST(Init, PartsOfANetworkThatCountOnShareNoNumbers) {
  const auto make = [] { return std::make_shared<Layers>(); };
  const auto one = make(), two = make(), three = make();
  Layers &first = *one, &second = *two, &third = *three;
  const std::uint64_t next = initialize(first, "default", 7);
  EXPECT_EQ(next, first.parameters().size());
  EXPECT_EQ(initialize(second, "default", 7, next), 2 * next);
  initialize(third, "default", 7);
  EXPECT_FALSE(torch::equal(first.linear->weight, second.linear->weight));
  EXPECT_TRUE(torch::equal(first.linear->weight, third.linear->weight));
}

TEST(Init, UnknownNameIsRefused) {
  Layers layers;
  EXPECT_THROW(initialize(layers, "he", 0), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
