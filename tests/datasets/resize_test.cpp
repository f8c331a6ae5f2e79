#include "datasets/resize.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

namespace medsweep::datasets {
namespace {

const std::vector<Extent> kSizes{{584, 565}, {64, 64}, {31, 97}, {97, 31}, {1, 5}};

TEST(Resize, RestoringReturnsTheOwnSizeForEveryMode) {
  for (const Row& row : resize_rows())
    for (const Extent& size : kSizes) {
      const Placement placement = place(resize_mode(row.name), size, {96, 64});
      const torch::Tensor image =
          resize_image(torch::rand({3, size.height, size.width}), placement);
      EXPECT_EQ(image.sizes(),
                (std::vector<std::int64_t>{3, placement.target.height, placement.target.width}));
      const torch::Tensor labels =
          resize_labels(torch::ones({size.height, size.width}, torch::kInt16), placement);
      EXPECT_EQ(labels.sizes(), image[0].sizes());
      const torch::Tensor back = restore(torch::rand({2, image.size(1), image.size(2)}), placement);
      EXPECT_EQ(back.sizes(), (std::vector<std::int64_t>{2, size.height, size.width})) << row.name;
    }
}

TEST(Resize, NoneIsTheIdentityBothWays) {
  const torch::Tensor image = torch::rand({3, 31, 97});
  const Placement placement = place(ResizeMode::kNone, {31, 97}, {});
  EXPECT_TRUE(torch::equal(resize_image(image, placement), image));
  EXPECT_TRUE(torch::equal(restore(image, placement), image));
}

TEST(Resize, PadKeepsThePixelsOfAnImageThatFits) {
  const torch::Tensor image = torch::rand({1, 30, 21}) + 1;
  const torch::Tensor labels = torch::randint(0, 4, {30, 21}).to(torch::kInt16);
  const Placement placement = place(ResizeMode::kPad, {30, 21}, {64, 32});
  EXPECT_EQ(placement.top, 17);
  EXPECT_EQ(placement.left, 5);
  const torch::Tensor padded = resize_image(image, placement);
  EXPECT_TRUE(torch::equal(restore(padded, placement), image));
  EXPECT_EQ(padded[0][0].abs().sum().item<float>(), 0);
  const torch::Tensor padded_labels = resize_labels(labels, placement);
  EXPECT_EQ((padded_labels == static_cast<int>(kIgnored)).sum().item<std::int64_t>(),
            64 * 32 - 30 * 21);
  EXPECT_TRUE(torch::equal(padded_labels.slice(0, 17, 47).slice(1, 5, 26), labels));
}

TEST(Resize, PadShrinksWhatDoesNotFitAndKeepsTheAspect) {
  const Placement placement = place(ResizeMode::kPad, {400, 200}, {100, 100});
  EXPECT_EQ(placement.scaled, (Extent{100, 50}));
  EXPECT_EQ(placement.left, 25);
}

TEST(Resize, CropKeepsTheMiddleAndPutsItBack) {
  const torch::Tensor image = torch::rand({2, 11, 8}) + 1;
  const Placement placement = place(ResizeMode::kCrop, {11, 8}, {6, 10});
  EXPECT_EQ(placement.top, -3);
  EXPECT_EQ(placement.left, 1);
  const torch::Tensor cropped = resize_image(image, placement);
  ASSERT_EQ(cropped.sizes(), (std::vector<std::int64_t>{2, 6, 10}));
  EXPECT_TRUE(torch::equal(cropped.slice(2, 1, 9), image.slice(1, 3, 9)));
  const torch::Tensor labels = torch::ones({11, 8}, torch::kInt16);
  EXPECT_EQ(resize_labels(labels, placement).eq(1).sum().item<std::int64_t>(), 6 * 8);
  const torch::Tensor back = restore(cropped, placement);
  EXPECT_TRUE(torch::equal(back.slice(1, 3, 9), image.slice(1, 3, 9)));
  EXPECT_EQ(back.slice(1, 0, 3).abs().sum().item<float>(), 0);
  EXPECT_EQ(back.slice(1, 9).abs().sum().item<float>(), 0);
}

TEST(Resize, ShrinkingTakesTheMeanOfAreas) {
  const torch::Tensor image = torch::rand({2, 40, 60});
  const Placement placement = place(ResizeMode::kStretch, {40, 60}, {20, 20});
  const torch::Tensor expected = torch::avg_pool2d(image, std::vector<std::int64_t>{2, 3});
  EXPECT_TRUE(torch::allclose(resize_image(image, placement), expected, 1e-5, 1e-5));
}

TEST(Resize, EnlargingIsTorchsBilinear) {
  namespace F = torch::nn::functional;
  const torch::Tensor image = torch::rand({2, 20, 30});
  const Placement placement = place(ResizeMode::kStretch, {20, 30}, {33, 64});
  const torch::Tensor expected =
      F::interpolate(image.unsqueeze(0), F::InterpolateFuncOptions()
                                             .size(std::vector<std::int64_t>{33, 64})
                                             .mode(torch::kBilinear)
                                             .align_corners(false))[0];
  EXPECT_TRUE(torch::allclose(resize_image(image, placement), expected, 0, 1e-4));
}

TEST(Resize, LabelsAreNearestAndCentred) {
  namespace F = torch::nn::functional;
  const torch::Tensor labels = torch::randint(-1, 4, {40, 33}).to(torch::kInt16);
  const Placement placement = place(ResizeMode::kStretch, {40, 33}, {25, 50});
  const torch::Tensor expected = F::interpolate(labels.to(torch::kFloat32).reshape({1, 1, 40, 33}),
                                                F::InterpolateFuncOptions()
                                                    .size(std::vector<std::int64_t>{25, 50})
                                                    .mode(torch::kNearestExact))[0][0];
  EXPECT_TRUE(torch::equal(resize_labels(labels, placement).to(torch::kFloat32), expected));
}

TEST(Resize, AConstantStaysConstantThereAndBack) {
  const Placement placement = place(ResizeMode::kStretch, {584, 565}, {512, 512});
  const torch::Tensor image = torch::full({1, 584, 565}, 0.25F);
  const torch::Tensor there = resize_image(image, placement);
  EXPECT_TRUE(torch::allclose(there, torch::full_like(there, 0.25F)));
  EXPECT_TRUE(torch::allclose(restore(there, placement), image));
}

TEST(Resize, ErrorsSayWhatIsAllowed) {
  EXPECT_THROW(resize_mode("squash"), std::invalid_argument);
  EXPECT_THROW(place(ResizeMode::kStretch, {4, 4}, {0, 4}), std::invalid_argument);
  try {
    restore(torch::zeros({1, 5, 5}), place(ResizeMode::kStretch, {4, 4}, {8, 8}));
    FAIL() << "a prediction of another size was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "[resize] a prediction of 5 x 5; 8 x 8 is allowed");
  }
}

}  // namespace
}  // namespace medsweep::datasets
