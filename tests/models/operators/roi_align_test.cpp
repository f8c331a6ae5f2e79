#include "models/operators/roi_align.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/precision.h"
#include "tests/models/operators/golden_operators.h"

namespace medsweep::models {
namespace {

using golden::uniform;

torch::Tensor roi(double x1, double y1, double x2, double y2, double image = 0) {
  return torch::tensor({image, x1, y1, x2, y2}, torch::kFloat).view({1, 5});
}

// Features and their gradient for a fixed gradient of the result.
std::pair<torch::Tensor, torch::Tensor> run(const torch::Tensor& features,
                                            const torch::Tensor& rois,
                                            const RoiAlignOptions& options) {
  const torch::Tensor leaf = features.detach().clone().requires_grad_();
  const torch::Tensor pooled = roi_align(leaf, rois, options);
  const torch::Tensor gradient = uniform(golden::kPooledGradient, pooled.sizes());
  pooled.backward(gradient.to(pooled.scalar_type()).contiguous(pooled.suggest_memory_format()));
  return {pooled.detach(), leaf.grad()};
}

TEST(RoiAlign, EqualsTorchvisionForwardAndBackward) {
  const auto numbers = golden::operator_numbers();
  ASSERT_EQ(numbers["roi_align"].size(), 10U);
  const torch::Tensor features = uniform(golden::kFeatures, {2, 19, 24, 32});
  for (const auto& expected : numbers["roi_align"])
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const RoiAlignOptions options{
          expected["height"], expected["width"], expected["scale"], expected["sampling_ratio"],
          expected["aligned"].get<bool>() ? RoiCorner::kCentre : RoiCorner::kEdge};
      const auto [pooled, gradient] =
          run(features.contiguous(format), golden::golden_rois(), options);
      const std::string what = expected["aligned"].dump() + " ratio " +
                               expected["sampling_ratio"].dump() + " " + expected["scale"].dump();
      const auto every = [](const torch::Tensor& values) {
        return values.slice(1, 0, std::nullopt, 6).flatten().slice(0, 0, std::nullopt, 7);
      };
      golden::expect_close(every(pooled), golden::tensor_of(expected["pooled"]["values"]), 3e-6,
                           "pooled, aligned " + what);
      golden::expect_close(every(gradient), golden::tensor_of(expected["gradient"]["values"]), 2e-5,
                           "gradient, aligned " + what);
      golden::expect_products(pooled, expected["pooled_products"], 1e-3, "pooled " + what);
      golden::expect_products(gradient, expected["gradient_products"], 1e-3, "gradient " + what);
      EXPECT_TRUE(pooled.is_contiguous(format)) << "the layout of the features is kept";
    }
}

TEST(RoiAlign, IsTheFunctionItselfWhereFeaturesAreLinear) {
  const torch::Tensor x = torch::arange(40, torch::kFloat).expand({30, 40});
  const torch::Tensor y = torch::arange(30, torch::kFloat).unsqueeze(1).expand({30, 40});
  const torch::Tensor features = torch::stack({x, y, 2 * x - 3 * y + 1}).unsqueeze(0);
  const double x1 = 3.25, y1 = 5.5, width = 14, height = 10.5;
  for (const std::int64_t ratio : {0, 1, 2, 5})
    for (const auto corner : {RoiCorner::kEdge, RoiCorner::kCentre}) {
      const RoiAlignOptions options{7, 7, 0.5, ratio, corner};
      const torch::Tensor pooled =
          roi_align(features, roi(2 * x1, 2 * y1, 2 * (x1 + width), 2 * (y1 + height)), options);
      const double shift = corner == RoiCorner::kCentre ? 0.5 : 0;
      const torch::Tensor bins = torch::arange(7, torch::kFloat) + 0.5;
      const torch::Tensor at_x = (x1 - shift + bins * width / 7).expand({7, 7});
      const torch::Tensor at_y = (y1 - shift + bins * height / 7).unsqueeze(1).expand({7, 7});
      const torch::Tensor expected = torch::stack({at_x, at_y, 2 * at_x - 3 * at_y + 1});
      golden::expect_close(pooled[0], expected, 1e-4, "ratio " + std::to_string(ratio));
    }
}

TEST(RoiAlign, GradientIsTheDifferenceQuotient) {
  const torch::Tensor features = uniform(1, {2, 3, 6, 5});
  const torch::Tensor rois = torch::cat({roi(0.5, 1, 4, 5.5), roi(-2, -2, 9, 3, 1)});
  for (const std::int64_t ratio : {0, 2}) {
    const RoiAlignOptions options{2, 3, 1, ratio, RoiCorner::kCentre};
    const auto [pooled, gradient] = run(features, rois, options);
    const torch::Tensor weights = uniform(golden::kPooledGradient, pooled.sizes());
    torch::Tensor expected = torch::zeros_like(features);
    for (std::int64_t i = 0; i < features.numel(); ++i) {
      torch::Tensor moved = features.clone();
      moved.view(-1)[i] += 1;  // the operator is linear: any step is exact
      const torch::Tensor change = roi_align(moved, rois, options) - pooled;
      expected.view(-1)[i] = (change * weights).sum();
    }
    golden::expect_close(gradient, expected, 1e-5, "ratio " + std::to_string(ratio));
  }
}

TEST(RoiAlign, TheLayoutOfTheResultChangesNoNumber) {
  for (const auto type : {torch::kFloat, torch::kBFloat16})
    for (const std::int64_t channels : {1, 3, 64, 83}) {
      const torch::Tensor features =
          uniform(1, {2, channels, 24, 32}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
      RoiAlignOptions options{7, 5, 0.25};
      const auto [pooled, gradient] = run(features, golden::golden_rois(), options);
      options.layout = MemoryLayout::kContiguous;
      const auto [contiguous, its_gradient] = run(features, golden::golden_rois(), options);
      EXPECT_TRUE(contiguous.is_contiguous());
      EXPECT_TRUE(torch::equal(contiguous, pooled));
      EXPECT_TRUE(torch::equal(its_gradient, gradient));
      EXPECT_TRUE(gradient.is_contiguous(at::MemoryFormat::ChannelsLast));
    }
}

TEST(RoiAlign, DoesNotDependOnTheNumberOfThreads) {
  const int before = at::get_num_threads();
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    const torch::Tensor features = uniform(1, {2, 150, 24, 32}).to(type);
    const torch::Tensor rois = golden::golden_rois().repeat({5, 1});
    at::set_num_threads(1);
    const auto [pooled, gradient] = run(features, rois, {7, 7, 0.25});
    for (const int threads : {2, 4}) {
      at::set_num_threads(threads);
      const auto [again, gradient_again] = run(features, rois, {7, 7, 0.25});
      EXPECT_TRUE(torch::equal(again, pooled)) << threads;
      EXPECT_TRUE(torch::equal(gradient_again, gradient)) << threads;
    }
  }
  at::set_num_threads(before);
}

TEST(RoiAlign, SumsOfBfloat16AreMadeInFloat32AndRoundedOnce) {
  const torch::Tensor features = uniform(1, {2, 83, 24, 32}).to(torch::kBFloat16);
  const torch::Tensor rois = golden::golden_rois();
  const auto [pooled, gradient] = run(features, rois, {7, 7, 0.25});
  EXPECT_EQ(pooled.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(gradient.scalar_type(), torch::kBFloat16);
  const torch::Tensor whole = roi_align(features.to(torch::kFloat), rois, {7, 7, 0.25});
  EXPECT_TRUE(torch::equal(pooled, whole.to(torch::kBFloat16)));
  const torch::Tensor leaf = features.to(torch::kFloat).requires_grad_();
  roi_align(leaf, rois, {7, 7, 0.25})
      .backward(
          uniform(golden::kPooledGradient, pooled.sizes()).to(torch::kBFloat16).to(torch::kFloat));
  EXPECT_TRUE(torch::equal(gradient, leaf.grad().to(torch::kBFloat16)));
}

TEST(RoiAlign, KeepsNotANumberInBothTypes) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    torch::Tensor features = torch::zeros({1, 17, 8, 8}, type);
    features[0][3].fill_(std::numeric_limits<float>::quiet_NaN());
    features[0][16].fill_(std::numeric_limits<float>::quiet_NaN());
    const torch::Tensor nan = roi_align(features, roi(1, 1, 6, 6), {2, 2}).isnan();
    EXPECT_TRUE(nan[0][3].all().item<bool>());
    EXPECT_TRUE(nan[0][16].all().item<bool>());
    EXPECT_EQ(nan.sum().item<std::int64_t>(), 8);
  }
}

TEST(RoiAlign, NoBoxesGiveNoBinsAndAGradientOfZeros) {
  const auto [pooled, gradient] = run(uniform(1, {2, 4, 6, 6}), torch::empty({0, 5}), {7, 7});
  EXPECT_EQ(pooled.sizes(), (std::vector<std::int64_t>{0, 4, 7, 7}));
  EXPECT_TRUE(torch::equal(gradient, torch::zeros({2, 4, 6, 6})));
}

TEST(RoiAlign, ABoxThatIsNotFiniteOrEndlessIsDefined) {
  const double infinite = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const torch::Tensor features = torch::ones({1, 4, 6, 6});
  for (const std::int64_t ratio : {0, 2})
    for (const auto& box : {roi(nan, 0, 4, 4), roi(0, 0, infinite, 4), roi(-infinite, 0, 3, 3)})
      EXPECT_EQ(roi_align(features, box, {2, 2, 1, ratio}).sum().item<double>(), 0);
  const torch::Tensor pooled = roi_align(features, roi(-1e9, -1e9, 1e9, 1e9), {2, 2, 1, 0});
  EXPECT_TRUE(pooled.isfinite().all().item<bool>());
}

TEST(RoiAlign, AutocastKeepsTheTypeOfFeaturesAndTakesBoxesInFloat32) {
  const AutocastGuard autocast(Precision::kBf16, torch::kCPU);
  const torch::Tensor boxes = roi(1, 1, 5, 5).to(torch::kDouble);
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    const torch::Tensor features = torch::ones({1, 4, 8, 8}, type).requires_grad_();
    const torch::Tensor pooled = roi_align(features, boxes, {2, 2});
    EXPECT_EQ(pooled.scalar_type(), type);
    EXPECT_TRUE(pooled.requires_grad());
  }
}

TEST(RoiAlign, RefusesWhatItCannotMean) {
  const torch::Tensor features = torch::ones({2, 4, 8, 8});
  const auto message = [&](const torch::Tensor& maps, const torch::Tensor& rois,
                           const RoiAlignOptions& options) -> std::string {
    try {
      roi_align(maps, rois, options);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  using testing::HasSubstr;
  EXPECT_THAT(message(features, roi(0, 0, 1, 1, 2), {}), HasSubstr("of image 2; there are 2"));
  EXPECT_THAT(message(features, roi(0, 0, 1, 1, -1), {}), HasSubstr("of image -1"));
  EXPECT_THAT(message(features, roi(0, 0, 1, 1, std::nan("")), {}), HasSubstr("of image nan"));
  EXPECT_THAT(message(features[0], roi(0, 0, 1, 1), {}), HasSubstr("features of 3 dimensions"));
  EXPECT_THAT(message(features.to(torch::kDouble), roi(0, 0, 1, 1), {}), HasSubstr("Double"));
  EXPECT_THAT(message(features, torch::zeros({3, 4}), {}), HasSubstr("[R, 5]"));
  EXPECT_THAT(message(features, roi(0, 0, 1, 1), {0, 7}), HasSubstr("0x7 bins"));
  EXPECT_THAT(message(features, roi(0, 0, 1, 1), {7, 7, 0}), HasSubstr("scale 0"));
  EXPECT_THAT(message(features, roi(0, 0, 1, 1), {7, 7, 1, -1}), HasSubstr("ratio -1"));
}

TEST(RoiAlign, ItsGradientHasNoGradient) {
  const torch::Tensor features = uniform(1, {1, 4, 8, 8}).requires_grad_();
  const torch::Tensor pooled = roi_align(features, roi(1, 1, 5, 5), {2, 2});
  const torch::Tensor seed = torch::ones_like(pooled).requires_grad_();
  const auto gradient = torch::autograd::grad({pooled}, {features}, {seed}, true, true)[0];
  EXPECT_THROW(gradient.sum().backward(), c10::Error);
}

}  // namespace
}  // namespace medsweep::models
