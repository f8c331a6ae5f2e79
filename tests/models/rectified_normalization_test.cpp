#include "models/layers/rectified_normalization.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <string>
#include <vector>

namespace medsweep::models {
namespace {

struct RectifiedCase {
  std::string name;
  std::vector<std::int64_t> shape;
  NormalizedOver over;
  double before, behind;  ///< slopes; 2 stands for those of a PReLU
};

constexpr double kParametric = 2;

/// Everything in float64 with torch's own operators, and in `type` by the layer.
class RectifiedMapsEqualTorchs
    : public testing::TestWithParam<std::tuple<RectifiedCase, torch::Dtype>> {
 protected:
  struct Leaves {
    torch::Tensor x, weight, bias, before, behind;
    std::vector<torch::Tensor> all() const { return {x, weight, bias, before, behind}; }
  };

  static Leaves leaves(const RectifiedCase& of) {
    torch::manual_seed(1);
    const std::int64_t channels = of.shape[1];
    // Means far from zero: what a variance from squares alone would lose.
    const torch::Tensor offsets = torch::randn({channels}, torch::kDouble) * 3;
    torch::Tensor x = torch::randn(of.shape, torch::kDouble);
    x = x + offsets.view(per_channel(of));
    return {x, torch::rand({channels}, torch::kDouble) + 0.5,
            torch::randn({channels}, torch::kDouble), torch::rand({channels}, torch::kDouble) / 2,
            torch::rand({channels}, torch::kDouble) / 2};
  }

  static std::vector<std::int64_t> per_channel(const RectifiedCase& of) {
    std::vector<std::int64_t> shape(of.shape.size(), 1);
    shape[1] = of.shape[1];
    return shape;
  }

  static Rectifier rectifier(double slope, const torch::Tensor& slopes) {
    if (slope == kParametric) return {.slopes = slopes};
    return {.slope = slope};
  }

  static torch::Tensor by_torch(const RectifiedCase& of, const Leaves& leaves) {
    const torch::Tensor x = rectified(leaves.x, rectifier(of.before, leaves.before));
    const torch::Tensor normalized =
        of.over == NormalizedOver::kBatch
            ? torch::batch_norm(x, leaves.weight, leaves.bias, {}, {}, true, 0, 1e-5, false)
            : torch::instance_norm(x, leaves.weight, leaves.bias, {}, {}, true, 0, 1e-5, false);
    return rectified(normalized, rectifier(of.behind, leaves.behind));
  }

  static void track(Leaves& of) {
    for (torch::Tensor leaf : of.all()) leaf.set_requires_grad(true);
  }
};

TEST_P(RectifiedMapsEqualTorchs, ForwardAndBackward) {
  const auto& [of, type] = GetParam();
  Leaves exact = leaves(of);
  const auto format =
      of.shape.size() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::ChannelsLast3d;
  const torch::Tensor rounded = exact.x.to(type).contiguous(format);
  exact.x = rounded.to(torch::kDouble).contiguous();
  Leaves own{rounded, exact.weight.to(torch::kFloat), exact.bias.to(torch::kFloat),
             exact.before.to(torch::kFloat), exact.behind.to(torch::kFloat)};
  track(exact);
  track(own);
  const torch::Tensor expected = by_torch(of, exact);
  ASSERT_TRUE(fuses_rectified(own.x));
  const RectifiedMaps maps =
      rectified_normalization(own.x, {.weight = own.weight,
                                      .bias = own.bias,
                                      .over = of.over,
                                      .before = rectifier(of.before, own.before),
                                      .behind = rectifier(of.behind, own.behind)});
  const torch::Tensor incoming = torch::randn(of.shape, torch::kDouble).to(type);
  (expected * incoming.to(torch::kDouble)).sum().backward();
  (maps.output * incoming).sum().backward();
  EXPECT_EQ(maps.output.scalar_type(), type);
  EXPECT_TRUE(maps.output.is_contiguous(format));
  const double tolerance = type == torch::kFloat ? 2e-5 : 2e-2;
  EXPECT_LT((maps.output.to(torch::kDouble) - expected).abs().max().item<double>(), tolerance * 4);
  for (std::size_t i = 0; i < exact.all().size(); ++i) {
    const torch::Tensor want = exact.all()[i].grad(), got = own.all()[i].grad();
    if (!want.defined()) {
      EXPECT_TRUE(!got.defined() || got.abs().max().item<double>() == 0) << i;
      continue;
    }
    const double scale = std::max(1.0, want.abs().max().item<double>());
    EXPECT_LT((got.to(torch::kDouble) - want).abs().max().item<double>(), tolerance * scale) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, RectifiedMapsEqualTorchs,
    testing::Combine(
        testing::Values(
            RectifiedCase{"plain", {2, 16, 9, 7}, NormalizedOver::kBatch, 1, 1},
            RectifiedCase{"relu", {3, 28, 5, 6, 7}, NormalizedOver::kBatch, 1, 0},
            RectifiedCase{"leaky", {2, 34, 40, 41}, NormalizedOver::kBatch, 1, 0.01},
            RectifiedCase{"prelu_behind", {1, 5, 6, 7, 8}, NormalizedOver::kBatch, 1, kParametric},
            RectifiedCase{
                "prelu_before", {2, 3, 33, 32, 31}, NormalizedOver::kSample, kParametric, 1},
            RectifiedCase{"both", {2, 70, 11, 9}, NormalizedOver::kSample, 0.1, kParametric},
            RectifiedCase{"wide", {2, 1024, 2, 3}, NormalizedOver::kSample, kParametric, 0},
            RectifiedCase{"single", {2, 1, 30, 30}, NormalizedOver::kBatch, 0, 0}),
        testing::Values(torch::kFloat, torch::kBFloat16)),
    [](const auto& info) {
      return std::get<0>(info.param).name +
             (std::get<1>(info.param) == torch::kFloat ? "_fp32" : "_bf16");
    });

TEST(RectifiedNormalization, GivesTheBatchsMeanAndUnbiasedVariance) {
  torch::manual_seed(2);
  const torch::Tensor x =
      (torch::randn({3, 6, 9, 8}) + 50).contiguous(at::MemoryFormat::ChannelsLast);
  const RectifiedMaps maps =
      rectified_normalization(x, {.weight = torch::ones(6), .bias = torch::zeros(6)});
  const torch::Tensor values = x.to(torch::kDouble).transpose(0, 1).flatten(1);
  EXPECT_TRUE(torch::allclose(maps.mean.to(torch::kDouble), values.mean(1), 1e-6, 0));
  EXPECT_TRUE(torch::allclose(maps.variance.to(torch::kDouble), values.var(1), 1e-5, 0));
}

/// The same numbers on a laptop and on a node.
TEST(RectifiedNormalization, DoesNotDependOnTheNumberOfThreads) {
  torch::manual_seed(3);
  const torch::Tensor x = torch::randn({2, 12, 64, 65})
                              .contiguous(at::MemoryFormat::ChannelsLast)
                              .set_requires_grad(true);
  const torch::Tensor incoming = torch::randn({2, 12, 64, 65});
  std::vector<torch::Tensor> outputs, gradients;
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    x.mutable_grad() = torch::Tensor();
    outputs.push_back(
        rectified_normalization(
            x, {.weight = torch::ones(12), .bias = torch::zeros(12), .behind = relu()})
            .output);
    outputs.back().backward(incoming);
    gradients.push_back(x.grad());
  }
  at::set_num_threads(threads);
  for (std::size_t i = 1; i < outputs.size(); ++i) {
    EXPECT_TRUE(torch::equal(outputs[i], outputs[0])) << i;
    EXPECT_TRUE(torch::equal(gradients[i], gradients[0])) << i;
  }
}

TEST(RectifiedNormalization, ARectifierAloneHasTorchsGradients) {
  torch::manual_seed(4);
  const torch::Tensor values = torch::randn({2, 5, 4, 6, 7}), incoming = torch::randn_like(values);
  const auto gradients = [&](at::MemoryFormat format) {
    const torch::Tensor x = values.clone(format).set_requires_grad(true);
    const torch::Tensor slopes = torch::linspace(0.1, 0.5, 5).set_requires_grad(true);
    rectified(x, {.slopes = slopes}).backward(incoming);
    return std::pair{x.grad(), slopes.grad()};
  };
  const auto fused = gradients(at::MemoryFormat::ChannelsLast3d),
             torchs = gradients(at::MemoryFormat::Contiguous);
  EXPECT_TRUE(torch::allclose(fused.first, torchs.first, 1e-6, 1e-6));
  EXPECT_TRUE(torch::allclose(fused.second, torchs.second, 1e-4, 1e-4));
}

TEST(RectifiedNormalization, InstancesAreNormalizedAlikeInBothLayouts) {
  torch::manual_seed(5);
  const torch::Tensor x = torch::randn({2, 6, 8, 9, 5});
  const RectifiedNormalizationOptions options{.weight = torch::rand(6),
                                              .bias = torch::randn(6),
                                              .before = {.slopes = torch::rand(6)},
                                              .behind = relu()};
  EXPECT_FALSE(fuses_rectified(x));
  EXPECT_TRUE(torch::allclose(
      rectified_instance_norm(x.contiguous(at::MemoryFormat::ChannelsLast3d), options),
      rectified_instance_norm(x, options), 1e-5, 1e-5));
}

}  // namespace
}  // namespace medsweep::models
