#include "datasets/color_mode.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

namespace medsweep::datasets {
namespace {

torch::Tensor color_image() {
  torch::manual_seed(0);
  return torch::randint(0, 256, {3, 7, 5}, torch::kUInt8);
}

TEST(ColorMode, AGreyImageIsDefinedInEveryMode) {
  const torch::Tensor grey = color_image().slice(0, 0, 1);
  for (const Row& row : color_mode_rows()) {
    const torch::Tensor image = apply_color_mode(row.name, grey);
    ASSERT_EQ(image.size(0), color_mode_channels(row.name, 1)) << row.name;
    for (std::int64_t c = 0; c < image.size(0); ++c)
      EXPECT_TRUE(torch::equal(image[c], grey[0])) << row.name;
  }
}

TEST(ColorMode, GreenIsTheSecondChannelAndRgbStays) {
  const torch::Tensor image = color_image();
  EXPECT_TRUE(torch::equal(apply_color_mode("green", image)[0], image[1]));
  EXPECT_TRUE(torch::equal(apply_color_mode("rgb", image), image));
}

// Pillow 13: Image.fromarray(numpy.array([[[r, g, b]]], "uint8")).convert("L").
TEST(ColorMode, GrayIsTheLumaAsPilRoundsIt) {
  const torch::Tensor colors = torch::tensor({255, 0,  0,  0, 255, 0, 0,   0,   255, 255, 255, 255,
                                              10,  20, 30, 1, 2,   3, 200, 100, 50,  123, 45,  67})
                                   .reshape({1, 8, 3})
                                   .permute({2, 0, 1})
                                   .to(torch::kUInt8);
  const torch::Tensor expected =
      torch::tensor({76, 150, 29, 255, 18, 2, 124, 71}).to(torch::kUInt8);
  EXPECT_TRUE(torch::equal(apply_color_mode("gray", colors)[0][0], expected))
      << apply_color_mode("gray", colors);
}

TEST(ColorMode, GrayOfFloatsIsTheLumaUnrounded) {
  const torch::Tensor image = color_image().to(torch::kFloat32) / 255;
  const torch::Tensor expected = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2];
  EXPECT_TRUE(torch::allclose(apply_color_mode("gray", image)[0], expected, 1e-6, 1e-6));
}

TEST(ColorMode, OtherChannelsAreRefusedWithWhatIsAllowed) {
  try {
    color_mode_channels("gray", 2);
    FAIL() << "two channels were accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "[color_mode] 'gray' of images with 2 channels; 1 or 3 channels are allowed");
  }
  EXPECT_THROW(color_mode_channels("grey", 3), std::invalid_argument);
}

TEST(Normalization, Uint8IsScaledAndOtherTypesAreKept) {
  const torch::Tensor image = color_image();
  const torch::Tensor none = scaled_image(image, channel_scales("none", image, {}));
  EXPECT_TRUE(torch::equal(none, image.to(torch::kFloat32) / 255));
  const torch::Tensor unit = scaled_image(image, channel_scales("unit", image, {}));
  EXPECT_TRUE(torch::equal(unit, (none - 0.5) / 0.5));
  const torch::Tensor shorts = image.to(torch::kInt16) * 10;
  EXPECT_TRUE(torch::equal(scaled_image(shorts, channel_scales("none", shorts, {})),
                           shorts.to(torch::kFloat32)));
}

TEST(Normalization, ZscoreLooksOnlyInsideTheFieldOfView) {
  torch::manual_seed(1);
  const torch::Tensor inside = (torch::rand({20, 30}) > 0.3).to(torch::kUInt8);
  for (const auto type : {torch::kUInt8, torch::kInt16, torch::kFloat32}) {
    torch::Tensor image = torch::randint(0, 100, {3, 20, 30}).to(type);
    image.masked_fill_(inside == 0, 200);
    const torch::Tensor result = scaled_image(image, channel_scales("zscore", image, inside));
    for (std::int64_t c = 0; c < 3; ++c) {
      const torch::Tensor counted = result[c].masked_select(inside == 1).to(torch::kFloat64);
      EXPECT_NEAR(counted.mean().item<double>(), 0, 1e-5) << type;
      EXPECT_NEAR(counted.std(false).item<double>(), 1, 1e-5) << type;
    }
  }
}

TEST(Normalization, AConstantChannelBecomesZero) {
  const torch::Tensor image = torch::full({1, 4, 4}, 0.7F);
  const torch::Tensor result = scaled_image(image, channel_scales("zscore", image, {}));
  EXPECT_LT(result.abs().max().item<float>(), 1e-6F);
}

TEST(Normalization, ScalesAnyStrides) {
  const torch::Tensor image = color_image();
  const auto scales = channel_scales("unit", image, {});
  const torch::Tensor transposed = image.transpose(1, 2);
  EXPECT_TRUE(
      torch::equal(scaled_image(transposed, scales), scaled_image(image, scales).transpose(1, 2)));
  EXPECT_TRUE(torch::equal(scaled_image(image.slice(1, 2, 5).slice(2, 1, 4), scales),
                           scaled_image(image, scales).slice(1, 2, 5).slice(2, 1, 4)));
}

TEST(Normalization, UnknownNamesAndTypesAreRefused) {
  EXPECT_THROW(check_normalization("z-score"), std::invalid_argument);
  EXPECT_THROW(channel_scales("unite", color_image(), {}), std::invalid_argument);
  EXPECT_THROW(scaled_image(torch::zeros({1, 2, 2}, torch::kInt64), {{}}), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
