#include <fmt/format.h>
#include <gtest/gtest.h>

#include "models/attention/attention.h"
#include "models/attention/attention_gate.h"
#include "models/attention/spatial_transformer.h"
#include "models/attention/split_attention.h"
#include "tests/models/golden_numbers.h"

namespace medsweep::models::golden {
namespace {

/// The streams of tests/golden/attention.py.
constexpr std::uint32_t kAttentionTargets = 20, kGating = 21;

nlohmann::json attention_numbers() {
  std::ifstream file(path_of("attention.json"));
  return nlohmann::json::parse(file)["cases"];
}

Pooling pooling_named(const std::string& name) {
  if (name == "avg") return Pooling::kAverage;
  return name == "max" ? Pooling::kMaximum : Pooling::kAverageAndMaximum;
}

AttentionOptions attention_options(const nlohmann::json& expected) {
  const auto shape = expected["shape"].get<std::vector<std::int64_t>>();
  const nlohmann::json& given = expected["options"];
  AttentionOptions options;
  options.channels = shape[1];
  options.dimensions = std::ssize(shape) - 2;
  options.slices = options.dimensions == 3 ? shape[2] : 0;
  options.reduction = given.value("reduction", options.reduction);
  options.kernel_size = given.value("kernel_size", options.kernel_size);
  options.heads = given.value("heads", options.heads);
  options.clip_distance = given.value("clip_distance", options.clip_distance);
  if (given.value("join", "max") == "add") options.join = GateJoin::kAdd;
  if (given.value("projection", "sum") == "mean_prelu")
    options.projection = ProjectionFlavor::kMeanPrelu;
  options.slice_reduction = given.value("slice_reduction", options.slice_reduction);
  options.channel_reduction = given.value("channel_reduction", options.channel_reduction);
  options.slice_pooling = pooling_named(given.value("slice_pooling", "avg"));
  options.channel_pooling = pooling_named(given.value("channel_pooling", "avg"));
  if (given.value("detach_squeeze", false)) options.squeeze = SqueezeGradient::kDetached;
  return options;
}

/// As fill() of attention.py.
void fill_attention(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> sorted;
  for (const auto& parameter : module.named_parameters())
    sorted[parameter.key()] = parameter.value();
  std::uint32_t index = 0;
  for (auto& [key, parameter] : sorted) {
    const torch::Tensor values = uniform(kWeights + index++, parameter.sizes()).to(torch::kDouble);
    const double fan_in = static_cast<double>(parameter.numel() / parameter.size(0));
    parameter.copy_(values * (parameter.dim() > 1 ? std::sqrt(3 / fan_in) : 0.5));
  }
}

/// ||got - expected|| <= 1e-8 ||expected||, and what is rounding there is rounding here.
void expect_equal(const std::string& what, const torch::Tensor& got,
                  const nlohmann::json& expected) {
  ASSERT_TRUE(got.defined()) << what;
  ASSERT_EQ(got.sizes().vec(), expected["shape"].get<std::vector<std::int64_t>>()) << what;
  const double norm = expected["norm"], allowed = 1e-8 * norm + 1e-11;
  EXPECT_NEAR(got.norm().item<double>(), norm, allowed) << what;
  const auto sums = products(got.detach());
  for (std::size_t k = 0; k < sums.size(); ++k)
    EXPECT_NEAR(sums[k], expected["products"][k].get<double>(), 4 * allowed) << what;
}

/// A module of any role, and what it makes of the inputs.
struct GoldenRunOf {
  std::shared_ptr<torch::nn::Module> module;
  torch::Tensor output;
};

template <typename Module, typename... Inputs>
GoldenRunOf run_of(Module module, const Inputs&... inputs) {
  module->to(torch::kDouble);
  fill_attention(*module);
  return {module.ptr(), module->forward(inputs...)};
}

GoldenRunOf run_module(const std::string& name, const AttentionOptions& options,
                       const torch::Tensor& x) {
  const auto layer = make_attention(name, options);
  layer->to(torch::kDouble);
  fill_attention(*layer);
  return {layer, layer->forward(x)};
}

GoldenRunOf run_split(const nlohmann::json& given, const torch::Tensor& x) {
  SplitAttentionOptions options{x.size(1), given["outputs"].get<std::int64_t>()};
  options.radix = given["radix"];
  options.cardinality = given["cardinality"];
  options.dimensions = x.dim() - 2;
  options.normalization = given["normalization"].get<std::string>();
  return run_of(SplitAttention(options), x);
}

/// There, something that moves with the image, and back again.
GoldenRunOf run_transformer(const nlohmann::json& given, const torch::Tensor& x) {
  SpatialTransformerOptions options{x.size(1), x.dim() - 2};
  if (given["align_corners"].get<bool>()) options.corners = GridCorners::kCenters;
  SpatialTransformer transformer(options);
  transformer->to(torch::kDouble);
  fill_attention(*transformer);
  const TransformedImages seen = transformer->forward(x);
  return {transformer.ptr(), transformer->restore(torch::sin(3 * seen.images), seen.theta)};
}

GoldenRunOf run_gate(const nlohmann::json& given, const torch::Tensor& x,
                     const torch::Tensor& gating) {
  AttentionGateOptions options{x.size(1), gating.size(1)};
  options.dimensions = x.dim() - 2;
  options.normalization = given["normalization"].get<std::string>();
  return run_of(AttentionGate(options), x, gating);
}

class GoldenAttention : public testing::TestWithParam<std::size_t> {};

TEST_P(GoldenAttention, OutputAndEveryGradientEqualPyTorch) {
  const nlohmann::json expected = attention_numbers()[GetParam()];
  const std::string name = expected["name"];
  SCOPED_TRACE(fmt::format("{} {} {}", name, expected["options"].dump(), expected["shape"].dump()));
  const auto shape = expected["shape"].get<std::vector<std::int64_t>>();
  const auto gating_shape = expected["gating"].get<std::vector<std::int64_t>>();
  torch::Tensor x = uniform(kImages, shape).to(torch::kDouble).requires_grad_();
  torch::Tensor gating;
  if (!gating_shape.empty())
    gating = uniform(kGating, gating_shape).to(torch::kDouble).requires_grad_();
  const nlohmann::json& given = expected["options"];
  const auto [module, output] = name == "split" ? run_split(given, x)
                                : name == "stn" ? run_transformer(given, x)
                                : gating.defined()
                                    ? run_gate(given, x, gating)
                                    : run_module(name, attention_options(expected), x);
  (output * uniform(kAttentionTargets, output.sizes()).to(torch::kDouble)).sum().backward();
  EXPECT_EQ(expected["inputs"].size(), gating.defined() ? 2U : 1U);
  expect_equal("output", output, expected["output"]);
  expect_equal("input", x.grad(), expected["inputs"][0]);
  if (gating.defined()) expect_equal("gating", gating.grad(), expected["inputs"][1]);
  std::int64_t count = 0;
  for (const auto& parameter : module->named_parameters()) {
    ASSERT_TRUE(expected["gradients"].contains(parameter.key())) << parameter.key();
    expect_equal(parameter.key(), parameter.value().grad(), expected["gradients"][parameter.key()]);
    count += parameter.value().numel();
  }
  EXPECT_EQ(count, expected["parameters"].get<std::int64_t>());
  EXPECT_EQ(module->named_parameters().size(), expected["gradients"].size());
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenAttention,
                         testing::Range<std::size_t>(0, attention_numbers().size()));

}  // namespace
}  // namespace medsweep::models::golden
