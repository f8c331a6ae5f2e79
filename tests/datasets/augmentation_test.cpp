#include "datasets/augmentation/augmentation.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

#include "datasets/augmentation/flip.h"
#include "datasets/augmentation/rotate.h"

namespace medsweep::datasets {
namespace {

View augmented_view(std::int64_t height = 24, std::int64_t width = 31, std::int64_t channels = 3) {
  torch::manual_seed(5);
  return {torch::rand({channels, height, width}),
          torch::randint(0, 4, {height, width}).to(torch::kInt16)};
}

View copy_of(const View& view) { return {view.image.clone(), view.labels.clone()}; }

bool same(const View& a, const View& b) {
  return torch::equal(a.image, b.image) && torch::equal(a.labels, b.labels);
}

RandomStream stream_of(std::uint64_t epoch, std::uint64_t sample) {
  return RandomStream({7, static_cast<std::uint64_t>(RandomUse::kAugmentation), epoch, sample});
}

/// Every row of the table keeps this contract; a new row is tested before anyone writes a test.
class EveryAugmentation : public testing::TestWithParam<std::string_view> {};

TEST_P(EveryAugmentation, KeepsShapeAndTypesAndRepeatsWithTheSameKey) {
  const Augmentation augmentation = make_augmentation(GetParam(), {.probability = 1});
  for (const std::int64_t channels : {1, 3}) {
    const View original = augmented_view(24, 31, channels);
    View once = copy_of(original), twice = copy_of(original), other = copy_of(original);
    RandomStream first = stream_of(3, 4), second = stream_of(3, 4), third = stream_of(4, 4);
    augmentation.apply(once, first);
    augmentation.apply(twice, second);
    augmentation.apply(other, third);
    EXPECT_EQ(once.image.sizes(), original.image.sizes());
    EXPECT_EQ(once.labels.sizes(), original.labels.sizes());
    EXPECT_EQ(once.image.scalar_type(), torch::kFloat32);
    EXPECT_EQ(once.labels.scalar_type(), torch::kInt16);
    EXPECT_TRUE(once.image.isfinite().all().item<bool>());
    EXPECT_TRUE(same(once, twice));
    const bool drawn = GetParam() == "rotate" || GetParam() == "flip_rotate" ||
                       GetParam() == "noise" || GetParam() == "brightness_contrast";
    EXPECT_TRUE(!drawn || !same(once, other)) << "another epoch draws the same change";
  }
}

TEST_P(EveryAugmentation, IsTheIdentityWithProbabilityZero) {
  const Augmentation augmentation = make_augmentation(GetParam(), {.probability = 0});
  View view = augmented_view();
  const View original = copy_of(view);
  for (std::uint64_t sample = 0; sample < 10; ++sample) {
    RandomStream stream = stream_of(0, sample);
    augmentation.apply(view, stream);
  }
  EXPECT_TRUE(same(view, original));
}

INSTANTIATE_TEST_SUITE_P(Table, EveryAugmentation, testing::ValuesIn([] {
                           std::vector<std::string_view> names;
                           for (const Row& row : augmentation_rows()) names.push_back(row.name);
                           return names;
                         }()),
                         [](const auto& info) { return std::string(info.param); });

TEST(Flip, TwiceIsTheIdentityAndOnceIsTorchsFlip) {
  const View original = augmented_view();
  View view = copy_of(original);
  flip_horizontally(view);
  EXPECT_TRUE(torch::equal(view.image, original.image.flip(2)));
  EXPECT_TRUE(torch::equal(view.labels, original.labels.flip(1)));
  flip_horizontally(view);
  EXPECT_TRUE(same(view, original));
  flip_vertically(view);
  EXPECT_TRUE(torch::equal(view.image, original.image.flip(1)));
  EXPECT_TRUE(torch::equal(view.labels, original.labels.flip(0)));
  flip_vertically(view);
  EXPECT_TRUE(same(view, original));
}

TEST(Flip, KeepsToItsAxes) {
  const Augmentation flip =
      make_augmentation("flip", {.probability = 1, .axes = FlipAxes::kHorizontal});
  const View original = augmented_view();
  View view = copy_of(original);
  RandomStream stream = stream_of(0, 0);
  flip.apply(view, stream);
  EXPECT_TRUE(torch::equal(view.image, original.image.flip(2)));
  EXPECT_THROW(flip_axes("diagonal"), std::invalid_argument);
}

TEST(Flip, HappensAsOftenAsItsProbabilitySays) {
  const Augmentation flip =
      make_augmentation("flip", {.probability = 0.25, .axes = FlipAxes::kVertical});
  int flipped = 0;
  for (std::uint64_t sample = 0; sample < 2000; ++sample) {
    View view{torch::arange(2, torch::kFloat32).reshape({1, 2, 1}),
              torch::zeros({2, 1}, torch::kInt16)};
    RandomStream stream = stream_of(0, sample);
    flip.apply(view, stream);
    flipped += view.image[0][0][0].item<float>() > 0 ? 1 : 0;
  }
  EXPECT_NEAR(flipped / 2000.0, 0.25, 0.04);
}

TEST(Rotate, ByZeroIsTheIdentity) {
  View view = augmented_view();
  const View original = copy_of(view);
  rotate_view(view, 0);
  EXPECT_TRUE(same(view, original));
}

TEST(Rotate, ByRightAnglesMovesPixelsExactly) {
  const View original = augmented_view(16, 16);
  View view = copy_of(original);
  rotate_view(view, 90);
  EXPECT_TRUE(torch::allclose(view.image, original.image.rot90(1, {1, 2}), 0, 1e-4));
  EXPECT_TRUE(torch::equal(view.labels, original.labels.rot90(1, {0, 1})));
  view = copy_of(original);
  rotate_view(view, 180);
  EXPECT_TRUE(torch::allclose(view.image, original.image.flip({1, 2}), 0, 1e-4));
  EXPECT_TRUE(torch::equal(view.labels, original.labels.flip({0, 1})));
}

TEST(Rotate, WhatComesFromOutsideIsZeroAndIgnored) {
  View view{torch::ones({1, 20, 20}), torch::full({20, 20}, 2, torch::kInt16)};
  rotate_view(view, 45);
  EXPECT_EQ(view.labels[0][0].item<int>(), kIgnored);
  EXPECT_EQ(view.image[0][0][0].item<float>(), 0);
  EXPECT_EQ(view.labels[10][10].item<int>(), 2);
  EXPECT_EQ(view.image[0][10][10].item<float>(), 1);
  EXPECT_TRUE(((view.labels == 2) | (view.labels == kIgnored)).all().item<bool>());
}

TEST(Rotate, KeepsIgnoredPixelsIgnored) {
  View view{torch::ones({1, 20, 20}),
            torch::full({20, 20}, static_cast<int>(kIgnored), torch::kInt16)};
  rotate_view(view, 30);
  EXPECT_TRUE((view.labels == static_cast<int>(kIgnored)).all().item<bool>());
}

TEST(Gray, MakesEveryChannelTheLuma) {
  View view = augmented_view();
  const torch::Tensor image = view.image.clone();
  RandomStream stream = stream_of(0, 0);
  make_augmentation("gray", {.probability = 1}).apply(view, stream);
  const torch::Tensor luma = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2];
  for (std::int64_t c = 0; c < 3; ++c)
    EXPECT_TRUE(torch::allclose(view.image[c], luma, 1e-5, 1e-6));
}

TEST(BrightnessContrast, IsOneLineThroughAllValues) {
  View view = augmented_view();
  const torch::Tensor before = view.image.clone();
  RandomStream stream = stream_of(0, 1);
  make_augmentation("brightness_contrast", {.probability = 1, .brightness = 0.4, .contrast = 0.2})
      .apply(view, stream);
  const double scale = view.image.std(false).item<double>() / before.std(false).item<double>();
  EXPECT_GE(scale, 0.8);
  EXPECT_LE(scale, 1.2);
  const double shift = (view.image.mean() - before.mean()).item<double>();
  EXPECT_LE(std::abs(shift), 0.4 * before.std(false).item<double>() + 1e-6);
  const torch::Tensor rest = view.image - scale * before;
  EXPECT_LT((rest.max() - rest.min()).item<double>(), 1e-4);
}

TEST(Noise, IsGaussianWithTheDeviationAskedFor) {
  View view = augmented_view(201, 301);
  const torch::Tensor before = view.image.clone();
  RandomStream stream = stream_of(0, 2);
  make_augmentation("noise", {.probability = 1, .sigma = 0.5}).apply(view, stream);
  const torch::Tensor noise = (view.image - before) / (0.5 * before.std(false));
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.01);
  EXPECT_NEAR(noise.std().item<double>(), 1, 0.01);
  EXPECT_NEAR(noise.pow(4).mean().item<double>(), 3, 0.1);
  EXPECT_NEAR((noise.slice(2, 1) * noise.slice(2, 0, -1)).mean().item<double>(), 0, 0.01);
}

TEST(MakeAugmentation, RefusesWhatNoRowAllows) {
  EXPECT_THROW(make_augmentation("flips"), std::invalid_argument);
  try {
    make_augmentation("rotate", {.degrees = 200});
    FAIL() << "200 degrees were accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "[augmentation.degrees] 200; 0 to 180 is allowed");
  }
  EXPECT_THROW(make_augmentation("noise", {.sigma = -1}), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
