#include "runner/skeleton_texts.h"

namespace medsweep::runner {
namespace {

constexpr std::string_view kAttentionHeader = R"(#pragma once

@INCLUDE@ "models/attention/attention.h"

namespace medsweep::models {

/// TODO: what it weighs by what, and the paper. At first a factor a channel, all 1: the identity.
/// Keys: weight, which any `init` sets to 1.
class @Class@ : public Attention {
 public:
  explicit @Class@(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  AttentionOptions options_;
  torch::Tensor weight_;
};

}  // namespace medsweep::models
)";

constexpr std::string_view kAttentionSource = R"(@INCLUDE@ "models/attention/@NAME@.h"

@INCLUDE@ "models/attention/feature_maps.h"

namespace medsweep::models {

@Class@::@Class@(const AttentionOptions& options)
    : options_(options),
      weight_(register_parameter("weight", torch::ones({options.channels}))) {}

torch::Tensor @Class@::forward(const torch::Tensor& features) {
  check_features("@NAME@", features, options_);
  std::vector<std::int64_t> shape(static_cast<std::size_t>(features.dim()), 1);
  shape[1] = options_.channels;
  return features * weight_.view(shape).to(features.scalar_type());  // TODO
}

}  // namespace medsweep::models
)";

constexpr std::string_view kAttentionTest = R"(@INCLUDE@ "models/attention/@NAME@.h"

@INCLUDE@ <gtest/gtest.h>
@INCLUDE@ <torch/torch.h>

namespace medsweep::models {
namespace {

// TODO: its formula. The rules of every attention are checked over the whole table.
TEST(@Class@, BeginsAsTheIdentity) {
  AttentionOptions options;
  options.channels = 4;
  const torch::Tensor features = torch::arange(2 * 4 * 3 * 5).view({2, 4, 3, 5}).to(torch::kFloat);
  EXPECT_TRUE(torch::equal(@Class@(options).forward(features), features));
}

}  // namespace
}  // namespace medsweep::models
)";

constexpr std::string_view kNetworkHeader = R"(#pragma once

@INCLUDE@ <vector>

@INCLUDE@ "models/layers/conv_norm_act.h"
@INCLUDE@ "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// TODO: its layers, and the paper. At first a convolution a level, 2x2 max pooling between them,
/// and a 1x1 convolution whose result is enlarged.
/// Keys: level0.* ..., head.*.
class @Class@ : public SegmentationNetwork {
 public:
  explicit @Class@(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override;
  std::int64_t size_multiple() const override { return shape(options_).size_multiple; }
  static NetworkShape shape(const NetworkOptions& options);

 private:
  NetworkOptions options_;
  std::vector<ConvNormAct> levels_;
  torch::nn::Conv2d head_{nullptr};
};

}  // namespace medsweep::models
)";

constexpr std::string_view kNetworkSource = R"(@INCLUDE@ "models/segmentation/@NAME@.h"

@INCLUDE@ <fmt/format.h>

namespace medsweep::models {

@Class@::@Class@(const NetworkOptions& options) : options_(options) {
  std::int64_t channels = options.in_channels;
  for (std::int64_t level = 0; level < options.depth; ++level) {
    levels_.push_back(register_module(
        fmt::format("level{}", level),
        ConvNormAct(ConvNormActOptions{channels, options.width, 3, options.normalization,
                                       options.batch_statistics})));
    channels = options.width;
  }
  head_ = register_module(
      "head", torch::nn::Conv2d(torch::nn::Conv2dOptions(options.width, options.out_channels, 1)));
}

NetworkShape @Class@::shape(const NetworkOptions& options) {
  NetworkShape shape;
  shape.size_multiple = shape.smallest_side = std::int64_t{1} << (options.depth - 1);
  return shape;  // TODO: channels at the places where attention may stand
}

torch::Tensor @Class@::forward(const torch::Tensor& images) {
  check_images("model.@NAME@", images, options_.in_channels, size_multiple());
  torch::Tensor features = images;  // TODO
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    if (level > 0) features = torch::max_pool2d(features, 2);
    features = levels_[level]->forward(features);
  }
  return at::upsample_bilinear2d(head_->forward(features), images.sizes().slice(2),
                                 /*align_corners=*/false);
}

}  // namespace medsweep::models
)";

constexpr std::string_view kNetworkTest = R"(@INCLUDE@ "models/segmentation/@NAME@.h"

@INCLUDE@ <gtest/gtest.h>
@INCLUDE@ <torch/torch.h>

@INCLUDE@ "models/parameters.h"

namespace medsweep::models {
namespace {

// TODO: the published number. The rules of every network are checked over the whole table.
TEST(@Class@, HasItsNumberOfParameters) {
  NetworkOptions options;
  options.in_channels = 3;
  options.out_channels = 1;
  options.width = 8;
  options.depth = 2;
  // Two convolutions with batch normalisation, and the head.
  const std::int64_t convolutions = (3 + 8) * 8 * 9, normalizations = 2 * 2 * 8, head = 8 + 1;
  const std::int64_t biases = count_parameters(@Class@(options)) - convolutions - normalizations -
                              head;
  EXPECT_TRUE(biases == 0 || biases == 2 * 8) << biases;
}

}  // namespace
}  // namespace medsweep::models
)";

constexpr std::string_view kLossHeader = R"(#pragma once

@INCLUDE@ "models/losses/losses.h"

namespace medsweep::models {

/// TODO: its formula, and the paper. At first the sum over pixels and classes of |p - t|, p the
/// probability and t the truth. Weight: counted pixels times classes. Part: "@NAME@".
class @Class@ : public SegmentationLoss {
 public:
  @Class@(const LossOptions& options, const LossTask& task)
      : factor_(options.factor), task_(task) {}
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
  LossTask task_;
};

}  // namespace medsweep::models
)";

constexpr std::string_view kLossSource = R"(@INCLUDE@ "models/losses/@NAME@.h"

@INCLUDE@ "models/losses/class_sums.h"
@INCLUDE@ "models/losses/pixels.h"

namespace medsweep::models {

Losses @Class@::operator()(const LossInput& input) const {
  torch::Tensor losses =
      (probabilities_of(input, task_) - class_maps(input, task_)).abs();  // TODO
  if (const torch::Tensor mask = mask_of(input.labels); mask.defined()) losses = losses * mask;
  return {{"@NAME@", {losses.sum() * factor_, weights(input.labels).at("@NAME@")}}};
}

LossWeights @Class@::weights(const torch::Tensor& labels) const {
  return {{"@NAME@", static_cast<double>(count_pixels(labels) * task_.classes)}};
}

}  // namespace medsweep::models
)";

constexpr std::string_view kLossTest = R"(@INCLUDE@ "models/losses/@NAME@.h"

@INCLUDE@ <gtest/gtest.h>
@INCLUDE@ <torch/torch.h>

@INCLUDE@ <cmath>

namespace medsweep::models {
namespace {

// TODO: its closed form. The rules of every loss are checked over the whole table.
TEST(@Class@, OfOnePixelIsItsFormula) {
  LossOptions options;
  options.name = "@NAME@";
  const @Class@ loss(options, {1, Activation::kSigmoid});
  const torch::Tensor logits = torch::full({1, 1, 1, 1}, 2.0);
  const torch::Tensor labels = torch::ones({1, 1, 1}, torch::kLong);
  const Loss part = loss({logits, labels}).at("@NAME@");
  EXPECT_EQ(part.weight, 1);
  EXPECT_NEAR(part.sum.item<double>(), 1 - 1 / (1 + std::exp(-2.0)), 1e-6);
}

}  // namespace
}  // namespace medsweep::models
)";

}  // namespace

SkeletonTexts attention_texts() { return {kAttentionHeader, kAttentionSource, kAttentionTest}; }
SkeletonTexts network_texts() { return {kNetworkHeader, kNetworkSource, kNetworkTest}; }
SkeletonTexts loss_texts() { return {kLossHeader, kLossSource, kLossTest}; }

}  // namespace medsweep::runner
