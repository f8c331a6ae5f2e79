#include "datasets/augmentation/augmentation.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
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

View augmented_volume(std::int64_t channels) {
  torch::manual_seed(6);
  View view{torch::rand({channels, 6, 21, 18}),
            torch::randint(0, 4, {6, 21, 18}).to(torch::kInt16)};
  view.spacing = {4, 1, 1};
  return view;
}

View copy_of(const View& view) {
  View copy = view;
  copy.image = view.image.clone();
  copy.labels = view.labels.clone();
  return copy;
}

bool same(const View& a, const View& b) {
  return torch::equal(a.image, b.image) && torch::equal(a.labels, b.labels);
}

RandomStream stream_of(std::uint64_t epoch, std::uint64_t sample) {
  return RandomStream({7, static_cast<std::uint64_t>(RandomUse::kAugmentation), epoch, sample});
}

/// Every row of the table keeps this contract; a new row is tested before anyone writes a test.
class EveryAugmentation : public testing::TestWithParam<std::string_view> {
 protected:
  static std::vector<View> views() {
    return {augmented_view(24, 31, 1), augmented_view(24, 31, 3), augmented_view(9, 64, 4),
            augmented_volume(1), augmented_volume(3)};
  }
  /// Rows that draw a strength or place, so that no two draws are alike.
  static bool is_drawn_anew() {
    constexpr std::array kRest{"none",     "gray",       "flip",   "clahe",
                               "equalize", "saturation", "sa_unet"};
    return std::ranges::find(kRest, GetParam()) == kRest.end();
  }
};

TEST_P(EveryAugmentation, KeepsShapeAndTypesOfImagesAndVolumes) {
  const Augmentation augmentation = make_augmentation(GetParam(), {.probability = 1});
  for (const View& original : views())
    for (std::uint64_t sample = 0; sample < 20; ++sample) {
      View view = copy_of(original);
      RandomStream stream = stream_of(3, sample);
      augmentation.apply(view, stream);
      EXPECT_EQ(view.image.sizes(), original.image.sizes());
      EXPECT_EQ(view.labels.sizes(), original.labels.sizes());
      EXPECT_EQ(view.image.scalar_type(), torch::kFloat32);
      EXPECT_EQ(view.labels.scalar_type(), torch::kInt16);
      EXPECT_TRUE(view.image.isfinite().all().item<bool>());
    }
}

TEST_P(EveryAugmentation, GivesLabelsThatWereThereOrIgnored) {
  const Augmentation augmentation =
      make_augmentation(GetParam(), {.probability = 1, .magnitude = 2, .spacing = 16});
  for (View original : views()) {
    original.labels = (original.labels * 3 + 1).to(torch::kInt16);  // 1, 4, 7, 10: means are others
    for (std::uint64_t sample = 0; sample < 20; ++sample) {
      View view = copy_of(original);
      RandomStream stream = stream_of(1, sample);
      augmentation.apply(view, stream);
      const torch::Tensor known =
          (view.labels.remainder(3) == 1) & (view.labels >= 1) & (view.labels <= 10);
      EXPECT_TRUE((known | (view.labels == static_cast<int>(kIgnored))).all().item<bool>());
      EXPECT_GT(known.sum().item<std::int64_t>(), view.labels.numel() / 8);
    }
  }
}

TEST_P(EveryAugmentation, RepeatsWithTheSameKeyAndDrawsNothingFromTorch) {
  const Augmentation augmentation = make_augmentation(GetParam(), {.probability = 1});
  for (const View& original : views()) {
    View once = copy_of(original), twice = copy_of(original), other = copy_of(original);
    RandomStream first = stream_of(3, 4), second = stream_of(3, 4), third = stream_of(4, 4);
    const torch::Tensor state = at::globalContext().defaultGenerator(at::kCPU).get_state();
    augmentation.apply(once, first);
    augmentation.apply(twice, second);
    augmentation.apply(other, third);
    EXPECT_TRUE(same(once, twice));
    EXPECT_EQ(first.bits(), second.bits()) << "as many numbers were drawn";
    EXPECT_TRUE(torch::equal(state, at::globalContext().defaultGenerator(at::kCPU).get_state()));
    EXPECT_TRUE(!is_drawn_anew() || !same(once, other)) << "another epoch draws the same change";
  }
}

TEST_P(EveryAugmentation, MeansTheSameForEveryNormalization) {
  const Augmentation augmentation = make_augmentation(GetParam(), {.probability = 1});
  for (const View& original : views()) {
    View view = copy_of(original), scaled = copy_of(original);
    // What comes from beyond the border is 0 on every scale, so the border is mirrored or 0 stays
    // 0.
    const bool moves =
        static_cast<bool>(augmentation.draw) || GetParam() == "retina" || GetParam() == "sa_unet";
    const double offset = moves ? 0 : -3;
    scaled.image = original.image * 16 + offset;
    for (std::uint64_t sample = 0; sample < 5; ++sample) {
      View a = copy_of(view), b = copy_of(scaled);
      RandomStream first = stream_of(2, sample), second = stream_of(2, sample);
      augmentation.apply(a, first);
      augmentation.apply(b, second);
      EXPECT_TRUE(torch::allclose(a.image, (b.image - offset) / 16, 1e-3, 1e-3));
    }
  }
}

TEST_P(EveryAugmentation, TakesAPartOfALargerImage) {
  const Augmentation augmentation =
      make_augmentation(GetParam(), {.probability = 1, .foreground = 1});
  const View whole = augmented_view(60, 70, 3);
  View part{whole.image.slice(1, 10, 40).slice(2, 20, 50),
            whole.labels.slice(0, 10, 40).slice(1, 20, 50)};
  View copy{part.image.contiguous().clone(), part.labels.contiguous().clone()};
  RandomStream first = stream_of(0, 6), second = stream_of(0, 6);
  augmentation.apply(part, first);
  augmentation.apply(copy, second);
  EXPECT_TRUE(same(part, copy));
}

TEST_P(EveryAugmentation, TakesAnImageOfOneValue) {
  View view{torch::full({1, 12, 15}, 0.5F), torch::ones({12, 15}, torch::kInt16)};
  for (std::uint64_t sample = 0; sample < 10; ++sample) {
    RandomStream stream = stream_of(0, sample);
    make_augmentation(GetParam(), {.probability = 1}).apply(view, stream);
    EXPECT_TRUE(view.image.isfinite().all().item<bool>());
  }
}

TEST_P(EveryAugmentation, IsTheIdentityWithProbabilityZero) {
  if (GetParam() == "sa_unet") GTEST_SKIP() << "one of 13 variants: it takes no probability";
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

TEST(Gamma, KeepsTheRangeAndTheOrder) {
  View view{torch::arange(100, torch::kFloat32).reshape({1, 10, 10}) / 7 - 4,
            torch::zeros({10, 10}, torch::kInt16)};
  const torch::Tensor before = view.image.clone();
  RandomStream stream = stream_of(0, 3);
  make_augmentation("gamma", {.probability = 1}).apply(view, stream);
  EXPECT_TRUE(torch::allclose(view.image.min(), before.min()));
  EXPECT_TRUE(torch::allclose(view.image.max(), before.max()));
  EXPECT_TRUE((view.image.flatten().diff() > 0).all().item<bool>());
  EXPECT_GT((view.image - before).abs().max().item<float>(), 0.01);
}

TEST(Equalize, MakesValuesUniformAndKeepsColours) {
  View view{torch::rand({3, 128, 128}).pow(3), torch::zeros({128, 128}, torch::kInt16)};
  const torch::Tensor before = view.image.clone();
  RandomStream stream = stream_of(0, 3);
  make_augmentation("equalize", {.probability = 1}).apply(view, stream);
  EXPECT_TRUE(torch::allclose(view.image[0] - view.image[1], before[0] - before[1], 1e-4, 1e-5));
  const torch::Tensor luma = 0.299 * view.image[0] + 0.587 * view.image[1] + 0.114 * view.image[2];
  const torch::Tensor sorted = std::get<0>(luma.flatten().sort());
  const torch::Tensor line =
      torch::linspace(sorted[0].item<float>(), sorted[-1].item<float>(), sorted.numel());
  EXPECT_LT((sorted - line).abs().max().item<float>(), 0.02);
}

TEST(CoarseDropout, HidesPartsBehindTheMeanAndKeepsLabels) {
  View view = augmented_view(50, 40, 3);
  const View original = copy_of(view);
  RandomStream stream = stream_of(0, 5);
  make_augmentation("coarse_dropout", {.probability = 1, .holes = 1, .hole = 0.2})
      .apply(view, stream);
  const torch::Tensor hidden = view.image != original.image;
  EXPECT_EQ(hidden[0].sum().item<std::int64_t>(), 10 * 8);
  EXPECT_TRUE(torch::equal(hidden[0], hidden[2]));
  EXPECT_TRUE(torch::allclose(view.image.masked_select(hidden), original.image.mean()));
  EXPECT_TRUE(torch::equal(view.labels, original.labels));
}

TEST(SaUnet, DrawsItsThirteenVariantsAlikeOften) {
  const Augmentation augmentation = make_augmentation("sa_unet");
  const View original = augmented_view(16, 16, 3);
  int same_image = 0, same_labels = 0, mirrored = 0;
  constexpr int kDraws = 1300;
  for (std::uint64_t sample = 0; sample < kDraws; ++sample) {
    View view = copy_of(original);
    RandomStream stream = stream_of(9, sample);
    augmentation.apply(view, stream);
    same_image += torch::equal(view.image, original.image) ? 1 : 0;
    same_labels += torch::equal(view.labels, original.labels) ? 1 : 0;
    mirrored += torch::equal(view.labels, original.labels.flip({0, 1})) ||
                torch::equal(view.labels, original.labels.flip(0)) ||
                torch::equal(view.labels, original.labels.flip(1));
    EXPECT_GE(view.image.min().item<float>(), -0.1);
    EXPECT_LE(view.image.max().item<float>(), 1.1);
  }
  EXPECT_NEAR(same_image, 100, 35);   // the original
  EXPECT_NEAR(same_labels, 700, 80);  // it, three jitters, three with noise
  EXPECT_NEAR(mirrored, 300, 60);
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
  EXPECT_THROW(make_augmentation("clahe", {.tiles = 0}), std::invalid_argument);
  EXPECT_THROW(make_augmentation("elastic", {.spacing = 0}), std::invalid_argument);
  EXPECT_THROW(border_of("wrap"), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
