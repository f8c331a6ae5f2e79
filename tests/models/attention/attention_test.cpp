#include "models/attention/attention.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>

#include "models/attention/blocked_attention.h"
#include "models/attention/self_attention.h"
#include "models/backbones/backbones.h"
#include "models/backbones/feature_pyramid.h"
#include "models/init.h"
#include "models/parameters.h"
#include "models/precision.h"

namespace medsweep::models {
namespace {

using testing::ElementsAre;

/// A row in a network of 2 or 3 dimensions.
using PlacedRow = std::tuple<std::string, std::int64_t>;

std::vector<PlacedRow> rows_that_stand_alone() {
  std::vector<PlacedRow> rows;
  for (const Row& row : attention_rows())
    for (const std::int64_t dimensions : {2, 3}) {
      const AttentionTraits& traits = attention_traits(row.name);
      if (traits.role == AttentionRole::kModule && traits.least_dimensions <= dimensions)
        rows.emplace_back(row.name, dimensions);
    }
  return rows;
}

std::shared_ptr<Attention> make_seeded(std::string_view name, std::int64_t channels,
                                       std::uint64_t seed = 3, std::int64_t dimensions = 2,
                                       std::int64_t slices = 0) {
  AttentionOptions options;
  options.channels = channels;
  options.dimensions = dimensions;
  options.slices = slices;
  options.reduction = 4;
  options.slice_reduction = 2;
  const auto layer = make_attention(name, options);
  initialize(*layer, "default", seed);
  return layer;
}

// Every parameter random, so that nothing hides behind a zero.
void randomize(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) parameter.normal_(0, 0.3);
}

torch::Tensor parameter_of(const torch::nn::Module& module, const std::string& key) {
  return module.named_parameters()[key];
}

class EveryAttention : public testing::TestWithParam<PlacedRow> {
 protected:
  void SetUp() override { torch::manual_seed(0); }
  static std::string name() { return std::get<0>(GetParam()); }
  static std::int64_t dimensions() { return std::get<1>(GetParam()); }

  /// [count, channels, 4, 6, 5], in two dimensions without the 4.
  static std::vector<std::int64_t> shape(std::int64_t count, std::int64_t channels) {
    if (dimensions() == 2) return {count, channels, 6, 5};
    return {count, channels, 4, 6, 5};
  }
  static std::shared_ptr<Attention> make(std::int64_t channels, std::uint64_t seed = 3,
                                         std::int64_t slices = 4) {
    return make_seeded(name(), channels, seed, dimensions(), slices);
  }
};

TEST_P(EveryAttention, KeepsShapeTypeAndLayoutOfAnyMap) {
  const bool flat = dimensions() == 2;
  const auto last = flat ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::ChannelsLast3d;
  for (const auto& size :
       std::vector<std::vector<std::int64_t>>{{5, 7, 5}, {1, 1, 3}, {8, 12, 20}}) {
    std::vector<std::int64_t> sizes{2, 32};
    sizes.insert(sizes.end(), size.begin() + (flat ? 1 : 0), size.end());
    const auto layer = make(32, 3, size[0]);
    for (const auto format : {at::MemoryFormat::Contiguous, last})
      for (const auto type : {torch::kFloat, torch::kBFloat16}) {
        const AutocastGuard autocast(type == torch::kFloat ? Precision::kFp32 : Precision::kBf16,
                                     c10::DeviceType::CPU);
        const torch::Tensor x = torch::randn(sizes).to(type).contiguous(format);
        const torch::Tensor y = layer->forward(x);
        ASSERT_EQ(y.sizes(), x.sizes());
        EXPECT_EQ(y.scalar_type(), type);
        EXPECT_TRUE(y.is_contiguous(format));
        EXPECT_TRUE(torch::isfinite(y).all().item<bool>());
      }
  }
}

TEST_P(EveryAttention, ReachesEveryParameterAndTheInputWithAGradient) {
  const auto layer = make(32);
  randomize(*layer);  // some begin as the identity
  torch::Tensor x = torch::randn(shape(2, 32));
  x.requires_grad_();
  const torch::Tensor y = layer->forward(x);
  (y * torch::randn_like(y)).sum().backward();
  EXPECT_GT(x.grad().abs().sum().item<double>(), 0);
  for (const auto& parameter : layer->named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    const double sum = parameter.value().grad().abs().sum().item<double>();
    if (parameter.key() == attention_traits(name()).idle_parameter)
      EXPECT_LT(sum, 1e-3) << parameter.key() << ": rounding only";
    else
      EXPECT_GT(sum, 1e-4) << parameter.key();
  }
}

TEST_P(EveryAttention, GradientsEqualFiniteDifferences) {
  const auto layer = make(16);
  randomize(*layer);
  layer->to(torch::kDouble);
  torch::Tensor x = torch::randn(shape(2, 16), torch::kDouble);
  x.requires_grad_();
  const torch::Tensor weights = torch::randn_like(x);
  const auto loss = [&] { return (layer->forward(x) * weights).sum(); };
  loss().backward();
  auto tensors = layer->named_parameters();
  tensors.insert("input", x);
  for (auto& entry : tensors) {
    torch::NoGradGuard no_grad;
    torch::Tensor value = entry.value();
    const torch::Tensor step = 1e-5 * torch::randn_like(value), before = value.clone();
    value += step;
    const double above = loss().item<double>();
    value.copy_(before - step);
    const double below = loss().item<double>();
    value.copy_(before);
    const double expected = (value.grad() * step).sum().item<double>();
    EXPECT_NEAR((above - below) / 2, expected, 1e-5 * std::abs(expected) + 1e-9) << entry.key();
  }
}

TEST_P(EveryAttention, SamplesOfABatchDoNotSeeEachOtherInEvaluation) {
  const auto layer = make(32);
  randomize(*layer);
  layer->eval();
  const torch::Tensor x = torch::randn(shape(3, 32)), both = layer->forward(x);
  EXPECT_TRUE(torch::allclose(layer->forward(x.narrow(0, 1, 1)), both.narrow(0, 1, 1), 1e-5, 1e-5));
}

TEST_P(EveryAttention, TakesAnEmptyBatchAndReachesItsParameters) {
  const auto layer = make(32);
  const torch::Tensor y = layer->forward(torch::zeros(shape(0, 32)).requires_grad_());
  EXPECT_EQ(y.sizes().vec(), shape(0, 32));
  y.sum().backward();
  for (const auto& parameter : layer->named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    EXPECT_EQ(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
  }
}

TEST_P(EveryAttention, SavedAndLoadedGivesEqualFeatures) {
  const auto layer = make(32), other = make(32, 4);
  randomize(*layer);
  std::stringstream file;
  torch::serialize::OutputArchive saved;
  layer->save(saved);
  saved.save_to(file);
  torch::serialize::InputArchive archive;
  archive.load_from(file);
  other->load(archive);
  layer->eval();
  other->eval();
  const torch::Tensor x = torch::randn(shape(2, 32));
  EXPECT_TRUE(torch::equal(other->forward(x), layer->forward(x)));
}

TEST_P(EveryAttention, RefusesOtherChannelsAndShapes) {
  const auto layer = make(32);
  auto without_height = shape(2, 32);
  without_height[without_height.size() - 2] = 0;
  EXPECT_THROW(layer->forward(torch::zeros(shape(2, 16))), std::invalid_argument);
  EXPECT_THROW(layer->forward(torch::zeros({32, 6, 5})), std::invalid_argument);
  EXPECT_THROW(layer->forward(torch::zeros(without_height)), std::invalid_argument);
  EXPECT_THROW(layer->forward(torch::zeros(shape(2, 32)).unsqueeze(2)), std::invalid_argument);
}

TEST_P(EveryAttention, StandsBehindAStageAndOnThePyramidWithItsOwnKeys) {
  if (dimensions() == 3) return;  // backbones are of two
  BackboneOptions options;
  options.attention["c4"].name = name();
  options.attention["c5"].name = name();
  const auto backbone = make_backbone("resnet18", options);
  const auto plain = make_backbone("resnet18", {});
  const torch::Tensor images = torch::randn({2, 3, 64, 64});
  const auto maps = backbone->forward(images);
  FeaturePyramidOptions pyramid_options;
  pyramid_options.in_channels = backbone->channels();
  pyramid_options.channels = 32;
  pyramid_options.attention = PlacedAttention{name(), {}};
  FeaturePyramid pyramid(pyramid_options);
  EXPECT_EQ(pyramid->forward(maps).size(), 5U);
  const bool none = name() == "none";
  for (const std::string& key : backbone->named_parameters().keys())
    EXPECT_TRUE(plain->named_parameters().contains(key) || key.starts_with("attention.c4.") ||
                key.starts_with("attention.c5."))
        << key;
  EXPECT_EQ(backbone->named_parameters().size() == plain->named_parameters().size(), none);
  bool found = false;
  for (const std::string& key : pyramid->named_parameters().keys())
    found = found || key.starts_with("attention.3.");
  EXPECT_EQ(found, !none);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryAttention, testing::ValuesIn(rows_that_stand_alone()),
                         [](const auto& info) {
                           return fmt::format("{}_{}d", std::get<0>(info.param),
                                              std::get<1>(info.param));
                         });

// The whole matrix, as the definition has it.
torch::Tensor plain_self_attention(const torch::nn::Module& layer, const torch::Tensor& x) {
  const auto map = [&](const std::string& name) {
    return torch::conv2d(x, parameter_of(layer, name + ".weight"),
                         parameter_of(layer, name + ".bias"))
        .flatten(2);  // [N, C', H W]
  };
  const double root = std::sqrt(static_cast<double>(x.size(1)));
  const auto weights = torch::softmax(map("query").transpose(1, 2).bmm(map("key")) / root, -1);
  return x + map("value").bmm(weights.transpose(1, 2)).view(x.sizes());
}

TEST(SelfAttention, EqualsItsDefinition) {
  torch::manual_seed(0);
  const auto layer = make_seeded("self_attention", 32);
  randomize(*layer);
  const torch::Tensor x = torch::randn({3, 32, 14, 14});
  EXPECT_TRUE(torch::allclose(layer->forward(x), plain_self_attention(*layer, x), 1e-5, 1e-5));
  EXPECT_THAT(layer->named_parameters().keys(),
              ElementsAre("query.weight", "query.bias", "key.weight", "key.bias", "value.weight",
                          "value.bias"));
}

TEST(SelfAttention, OfALargeMapIsTakenInBlocksWithTheSameResultAndGradients) {
  torch::manual_seed(0);
  const auto layer = make_seeded("self_attention", 8);
  randomize(*layer);
  torch::Tensor x = torch::randn({1, 8, 60, 50});  // 9e6 weights: three blocks of queries
  x.requires_grad_();
  const torch::Tensor weights = torch::randn_like(x);
  const torch::Tensor expected = plain_self_attention(*layer, x), got = layer->forward(x);
  EXPECT_TRUE(torch::allclose(got, expected, 1e-4, 1e-5));
  std::vector<torch::Tensor> inputs = layer->parameters();
  inputs.push_back(x);
  const auto expected_gradients = torch::autograd::grad({(expected * weights).sum()}, inputs);
  const auto gradients = torch::autograd::grad({(got * weights).sum()}, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    EXPECT_LE((gradients[i] - expected_gradients[i]).norm().item<double>(),
              1e-4 * expected_gradients[i].norm().item<double>() + 1e-3)
        << i;
}

std::shared_ptr<Attention> relative_of(const Attention& plain, std::int64_t heads = 1,
                                       std::int64_t clip = 16) {
  AttentionOptions options;
  options.channels = 32;
  options.heads = heads;
  options.clip_distance = clip;
  const auto layer = make_attention("relative_self_attention", options);
  torch::NoGradGuard no_grad;
  auto parameters = layer->named_parameters();
  for (const auto& parameter : plain.named_parameters())
    parameters[parameter.key()].copy_(parameter.value());
  return layer;
}

TEST(RelativeSelfAttention, StartsBitForBitAsSelfAttentionWithTheSameWeights) {
  torch::manual_seed(0);
  const auto plain = make_seeded("self_attention", 32);
  const auto relative = relative_of(*plain);
  const torch::Tensor x = torch::randn({2, 32, 14, 14});
  EXPECT_TRUE(torch::equal(relative->forward(x), plain->forward(x)));
  const auto started = make_seeded("relative_self_attention", 32);
  EXPECT_EQ(parameter_of(*started, "relative_height").abs().sum().item<double>(), 0)
      << "initialize() leaves the tables at zero";
}

TEST(RelativeSelfAttention, EqualsItsDefinitionWithHeadsAndClippedDistances) {
  torch::manual_seed(0);
  const auto layer = relative_of(*make_seeded("self_attention", 32), 2, 3);
  randomize(*layer);
  const std::int64_t height = 6, width = 9, heads = 2, clip = 3;
  const torch::Tensor x = torch::randn({2, 32, height, width});
  const auto map = [&](const std::string& name) {
    return torch::conv2d(x, parameter_of(*layer, name + ".weight"),
                         parameter_of(*layer, name + ".bias"));
  };
  const torch::Tensor q = map("query"), k = map("key"), v = map("value");
  const torch::Tensor tall = parameter_of(*layer, "relative_height");
  const torch::Tensor wide = parameter_of(*layer, "relative_width");
  torch::Tensor expected = x.clone();
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t at = 0; at < width; ++at) {
        const torch::Tensor query = q.narrow(1, 2 * head, 2).select(2, y).select(2, at);  // [2, 2]
        torch::Tensor keys = k.narrow(1, 2 * head, 2).clone();  // [2, 2, H, W]
        for (std::int64_t to = 0; to < height; ++to)
          keys.select(2, to) += tall[std::clamp(to - y, -clip, clip) + clip].view({1, -1, 1});
        for (std::int64_t to = 0; to < width; ++to)
          keys.select(3, to) += wide[std::clamp(to - at, -clip, clip) + clip].view({1, -1, 1});
        const torch::Tensor logits = (keys * query.view({2, 2, 1, 1})).sum(1).flatten(1) / 4.0;
        const torch::Tensor weights = torch::softmax(logits, 1).unsqueeze(1);  // 4 = root of 32 / 2
        expected.narrow(1, 16 * head, 16).select(2, y).select(2, at) +=
            (v.narrow(1, 16 * head, 16).flatten(2) * weights).sum(2);
      }
  EXPECT_TRUE(torch::allclose(layer->forward(x), expected, 1e-4, 1e-4));
}

TEST(RelativeSelfAttention, UnlikeSelfAttentionKnowsWhereThingsLie) {
  torch::manual_seed(0);
  const auto plain = make_seeded("self_attention", 32);
  const auto relative = relative_of(*plain, 1, 4);
  randomize(*relative);
  const torch::Tensor x = torch::randn({1, 32, 5, 5}), order = torch::randperm(25);
  const auto shuffled = [&](const torch::Tensor& map) {
    return map.flatten(2).index_select(2, order).view({1, 32, 5, 5});
  };
  const auto differs = [&](Attention& layer) {
    return (layer.forward(shuffled(x)) - shuffled(layer.forward(x))).abs().max().item<double>();
  };
  EXPECT_LT(differs(*plain), 1e-4);
  EXPECT_GT(differs(*relative), 1e-2);
}

TEST(SqueezeExcitation, EqualsItsDefinition) {
  torch::manual_seed(0);
  const auto layer = make_seeded("se", 32);
  const torch::Tensor x = torch::randn({2, 32, 6, 5});
  const auto linear = [&](const torch::Tensor& in, const std::string& name) {
    return in.matmul(parameter_of(*layer, name + ".weight").t()) +
           parameter_of(*layer, name + ".bias");
  };
  const auto gate = torch::sigmoid(linear(linear(x.mean({2, 3}), "fc1").relu(), "fc2"));
  EXPECT_TRUE(torch::allclose(layer->forward(x), x * gate.view({2, 32, 1, 1}), 1e-5, 1e-6));
  EXPECT_THAT(parameter_of(*layer, "fc1.weight").sizes().vec(), ElementsAre(8, 32));
}

TEST(ConcurrentSqueezeExcitation, JoinsBothGatesByMaximumOrSum) {
  torch::manual_seed(0);
  AttentionOptions options;
  options.channels = 8;
  options.join = GateJoin::kMax;
  const auto larger = make_attention("scse", options);
  options.join = GateJoin::kAdd;
  const auto sum = make_attention("scse", options);
  for (auto* layer : {larger.get(), sum.get()}) initialize(*layer, "default", 1);
  const torch::Tensor x = torch::randn({2, 8, 4, 4});
  const auto squeezed = make_attention("se", options);
  {
    torch::NoGradGuard no_grad;
    for (auto& parameter : squeezed->named_parameters())
      parameter.value().copy_(parameter_of(*sum, "channel." + parameter.key()));
  }
  const torch::Tensor a = squeezed->forward(x);
  const torch::Tensor b = x * torch::sigmoid(torch::conv2d(x, parameter_of(*sum, "spatial.weight"),
                                                           parameter_of(*sum, "spatial.bias")));
  EXPECT_TRUE(torch::allclose(larger->forward(x), torch::maximum(a, b), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(sum->forward(x), a + b, 1e-5, 1e-6));
}

TEST(SpatialAttention, EqualsItsDefinitionWith98Parameters) {
  torch::manual_seed(0);
  const auto layer = make_seeded("spatial", 32);
  const torch::Tensor weight = parameter_of(*layer, "convolution.weight");
  EXPECT_EQ(weight.numel(), 98);
  const torch::Tensor x = torch::randn({2, 32, 9, 8});
  const torch::Tensor both = torch::cat({x.mean(1, true), std::get<0>(x.max(1, true))}, 1);
  EXPECT_TRUE(torch::allclose(
      layer->forward(x), x * torch::sigmoid(torch::conv2d(both, weight, {}, 1, 3)), 1e-5, 1e-6));
}

TEST(Cbam, EqualsItsDefinition) {
  torch::manual_seed(0);
  const auto layer = make_seeded("cbam", 32);
  randomize(*layer);
  layer->eval();
  const auto of = [&](const std::string& key) { return parameter_of(*layer, key); };
  const torch::Tensor x = torch::randn({2, 32, 9, 8});
  const auto mlp = [&](const torch::Tensor& pooled) {
    return (pooled.matmul(of("fc1.weight").t()) + of("fc1.bias"))
               .relu()
               .matmul(of("fc2.weight").t()) +
           of("fc2.bias");
  };
  const torch::Tensor y =
      x * torch::sigmoid(mlp(x.mean({2, 3})) + mlp(x.amax({2, 3}))).view({2, 32, 1, 1});
  const torch::Tensor both = torch::cat({y.amax(1, true), y.mean(1, true)}, 1);
  const torch::Tensor logits = torch::conv2d(both, of("convolution.weight"), {}, 1, 3) /
                                   std::sqrt(1 + 1e-5) * of("normalization.weight") +
                               of("normalization.bias");
  EXPECT_TRUE(torch::allclose(layer->forward(x), y * torch::sigmoid(logits), 1e-4, 1e-5));
}

TEST(EfficientChannelAttention, KernelFollowsTheChannelsAndResultItsDefinition) {
  torch::manual_seed(0);
  for (const auto& [channels, size] : {std::pair{32, 3}, {64, 3}, {256, 5}, {512, 5}, {2048, 7}})
    EXPECT_EQ(make_seeded("eca", channels)->parameters()[0].numel(), size) << channels;
  const auto layer = make_seeded("eca", 32);
  const torch::Tensor x = torch::randn({2, 32, 4, 5}), weight = layer->parameters()[0].flatten();
  const torch::Tensor padded = torch::constant_pad_nd(x.mean({2, 3}), {1, 1});
  torch::Tensor logits = torch::zeros({2, 32});
  for (std::int64_t i = 0; i < 3; ++i) logits = logits + weight[i] * padded.narrow(1, i, 32);
  EXPECT_TRUE(torch::allclose(layer->forward(x), x * torch::sigmoid(logits).view({2, 32, 1, 1}),
                              1e-5, 1e-6));
}

TEST(MakeAttention, BadNamesAndOptionsAreRefused) {
  const auto make = [](std::string_view name, const auto& change) {
    AttentionOptions options;
    options.channels = 32;
    change(options);
    return make_attention(name, options);
  };
  using O = AttentionOptions;
  EXPECT_THROW(make("self", [](O&) {}), std::invalid_argument);
  EXPECT_THROW(make("se", [](O& o) { o.channels = 0; }), std::invalid_argument);
  EXPECT_THROW(make("se", [](O& o) { o.reduction = 0; }), std::invalid_argument);
  EXPECT_THROW(make("spatial", [](O& o) { o.kernel_size = 4; }), std::invalid_argument);
  EXPECT_THROW(make("cbam", [](O& o) { o.kernel_size = -1; }), std::invalid_argument);
  EXPECT_THROW(make("self_attention", [](O& o) { o.channels = 7; }), std::invalid_argument);
  EXPECT_THROW(make("relative_self_attention", [](O& o) { o.heads = 3; }), std::invalid_argument);
  EXPECT_THROW(make("relative_self_attention", [](O& o) { o.heads = 8; }), std::invalid_argument)
      << "8 heads cannot share the 4 channels of the queries";
  EXPECT_THROW(make("relative_self_attention", [](O& o) { o.clip_distance = 0; }),
               std::invalid_argument);
}

std::string refused(std::string_view name, const AttentionOptions& options) {
  try {
    make_attention(name, options);
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(MakeAttention, WhatHasNoPlaceBehindALayerSaysWhereItHasOne) {
  AttentionOptions options;
  options.channels = 8;
  EXPECT_EQ(refused("pam", options),
            "[attention] 'pam' in a network of 2 dimensions; networks of 3 are allowed");
  EXPECT_EQ(refused("attention_gate", options),
            "[attention] 'attention_gate' behind a layer; place = \"skip\" of a U-Net is allowed");
  options.dimensions = 3;
  EXPECT_THAT(refused("pam", options), testing::StartsWith("[attention.pam] built for 0 slices"));
  options.dimensions = 4;
  EXPECT_EQ(refused("se", options),
            "[attention] 'se' in a network of 4 dimensions; networks of 2, 3 are allowed");
}

TEST(SliceAttention, OtherDepthsAreRefusedWithThatOfThePatchThatFits) {
  const auto layer = PlacedAttention{.name = "pam"}.make(PlacedMaps{8, 3, 18, 144});
  try {
    layer->forward(torch::zeros({1, 8, 20, 4, 4}));
    FAIL() << "another depth was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[attention.pam] 20 slices; 18, which it was built for, are allowed (patch = "
                 "[144, height, width])");
  }
}

TEST(SliceAttention, ADetachedSqueezeTellsTheFeaturesNothing) {
  torch::manual_seed(0);
  std::vector<torch::Tensor> gradients, outputs;
  const torch::Tensor x = torch::randn({2, 8, 4, 3, 3}), weights = torch::randn_like(x);
  for (const auto squeeze : {SqueezeGradient::kFlows, SqueezeGradient::kDetached}) {
    AttentionOptions options{.channels = 8, .dimensions = 3, .slices = 4};
    options.squeeze = squeeze;
    options.channel_reduction = 1;  // several ReLUs within, one of which is alive
    const auto layer = make_attention("pam", options);
    initialize(*layer, "default", 3);
    const torch::Tensor in = x.clone().requires_grad_();
    outputs.push_back(layer->forward(in));
    gradients.push_back(torch::autograd::grad({(outputs.back() * weights).sum()}, {in})[0]);
  }
  EXPECT_TRUE(torch::equal(outputs[0], outputs[1]));
  EXPECT_FALSE(torch::allclose(gradients[0], gradients[1], 1e-3, 1e-5));
}

/// All modules of the Attention-zoo's 3-D U-Net: behind four encoder and three decoder stages.
std::int64_t parameters_in_zoo(const std::string& name, AttentionOptions options,
                               std::int64_t patch_slices, bool in_decoder = true) {
  std::int64_t count = 0;
  for (std::int64_t level = 0; level < 4; ++level) {
    const PlacedAttention placed{name, options};
    const auto layer = placed.make(PlacedMaps{16 << level, 3, patch_slices >> level, patch_slices});
    count += count_parameters(*layer) * (in_decoder && level < 3 ? 2 : 1);
  }
  return count;
}

TEST(ParameterCount, OfTheAttentionZooIsThePublishedOne) {
  AttentionOptions options;
  options.reduction = 8;
  EXPECT_EQ(parameters_in_zoo("se", options, 144), 1029968 - 1022788);
  options.reduction = 2;
  options.projection = ProjectionFlavor::kMeanPrelu;
  EXPECT_EQ(parameters_in_zoo("project_excite", options, 144, false), 1045028 - 1022788);
  EXPECT_EQ(parameters_in_zoo("pam", {}, 144), 1189872 - 1022788);
  EXPECT_EQ(parameters_in_zoo("sc", {}, 192), 1316279 - 1022123);
  EXPECT_EQ(parameters_in_zoo("cs", {}, 192), 1316279 - 1022123);
}

TEST(Attend, ShapesThatDoNotFitAreRefused) {
  const torch::Tensor q = torch::zeros({1, 4, 2});
  EXPECT_THROW(attend({q, torch::zeros({1, 4, 3}), q, {}, {}}), std::invalid_argument);
  EXPECT_THROW(attend({q, q, torch::zeros({1, 3, 2}), {}, {}}), std::invalid_argument);
  EXPECT_THROW(attend({q, q, q, torch::zeros({1, 4, 3}), torch::zeros({1, 4, 2})}),
               std::invalid_argument);
  EXPECT_THROW(attend({q, q, q, torch::zeros({1, 4, 4}), {}}), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
