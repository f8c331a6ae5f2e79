#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>

#include "datasets/augmentation/augmentation.h"
#include "datasets/augmentation/blur.h"
#include "datasets/augmentation/clahe.h"
#include "datasets/augmentation/equalize.h"
#include "datasets/augmentation/gamma.h"
#include "datasets/augmentation/planes.h"
#include "datasets/augmentation/rotate.h"
#include "datasets/augmentation/saturation.h"
#include "datasets/augmentation/sharpness.h"

namespace medsweep::datasets {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kHeight = 24, kWidth = 32, kDepth = 5;

/// The generator of tests/golden/augmentation.py.
torch::Tensor golden_noise(const std::vector<std::int64_t>& shape, std::uint64_t seed) {
  torch::Tensor noise = torch::empty(shape);
  auto* value = noise.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < noise.numel(); ++i) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    value[i] = static_cast<float>((seed >> 33) % 1024) / 1024;
  }
  return noise;
}

torch::Tensor golden_blocks(std::int64_t depth) {
  const torch::Tensor z = torch::arange(depth).reshape({depth, 1, 1});
  const torch::Tensor y = torch::arange(kHeight).reshape({1, kHeight, 1});
  const torch::Tensor x = torch::arange(kWidth).reshape({1, 1, kWidth});
  const torch::Tensor blocks =
      (z + y.div(5, "floor") + x.div(7, "floor")).remainder(4).to(torch::kInt16);
  return (depth == 1 ? blocks[0] : blocks).contiguous();
}

torch::Tensor golden(const std::string& name, torch::IntArrayRef shape) {
  static const Json numbers =
      Json::parse(std::ifstream(MEDSWEEP_SOURCE_DIR "/tests/golden/augmentation.json"));
  const auto values = numbers.at(name).get<std::vector<double>>();
  return torch::tensor(values, torch::kFloat64).reshape(shape);
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kFloat64) - b).abs().max().item<double>();
}

TEST(AugmentationGolden, RotationBy30DegreesIsScikitImages) {
  View view{golden_noise({1, kHeight, kWidth}, 1), golden_blocks(1)};
  rotate_view(view, 30);
  EXPECT_LT(largest_difference(view.image[0], golden("rotate_30", {kHeight, kWidth})), 2e-5);
  EXPECT_EQ(largest_difference(view.labels, golden("rotate_30_labels", {kHeight, kWidth})), 0);
}

TEST(AugmentationGolden, RotationOfThickSlicesInSpaceIsSciPys) {
  View view{golden_noise({1, kDepth, kHeight, kWidth}, 3), golden_blocks(kDepth)};
  view.spacing = {3, 1, 1};
  Geometry geometry(view);
  append_rotation(geometry, 30, 8, -5);
  apply(geometry, view);
  const std::vector<std::int64_t> shape{kDepth, kHeight, kWidth};
  EXPECT_LT(largest_difference(view.image[0], golden("rotate_volume", shape)), 2e-5);
  EXPECT_EQ(largest_difference(view.labels, golden("rotate_volume_labels", shape)), 0);
}

TEST(AugmentationGolden, GammaIsScikitImagesWithinTheImagesRange) {
  torch::Tensor image = golden_noise({1, kHeight, kWidth}, 1);
  apply_gamma(image, 1.7);
  EXPECT_LT(largest_difference(image[0], golden("gamma", {kHeight, kWidth})), 2e-6);
}

TEST(AugmentationGolden, EqualizationIsScikitImagesWithinTheImagesRange) {
  torch::Tensor image = golden_noise({1, kHeight, kWidth}, 1);
  for_each_plane(image, equalize_plane);
  EXPECT_LT(largest_difference(image[0], golden("equalize", {kHeight, kWidth})), 1e-4);
}

TEST(AugmentationGolden, BlurIsSciPys) {
  torch::Tensor image = golden_noise({1, kHeight, kWidth}, 1);
  blur(image, 1.3);
  EXPECT_LT(largest_difference(image[0], golden("blur", {kHeight, kWidth})), 2e-6);
}

TEST(AugmentationGolden, SaturationIsTorchvisions) {
  torch::Tensor image = golden_noise({3, kHeight, kWidth}, 2) * 0.5 + 0.25;
  saturate(image, 1.6);
  // torchvision's luma has four digits (0.2989, 0.587, 0.114).
  EXPECT_LT(largest_difference(image.clamp(0, 1), golden("saturation", {3, kHeight, kWidth})),
            2e-4);
}

TEST(AugmentationGolden, SharpnessIsTorchvisions) {
  torch::Tensor image = golden_noise({1, kHeight, kWidth}, 1) * 0.5 + 0.25;
  sharpen(image, 1.8);
  EXPECT_LT(largest_difference(image[0].clamp(0, 1), golden("sharpness", {kHeight, kWidth})), 2e-6);
}

TEST(AugmentationGolden, ContrastIsTorchvisionsWithTheFactorThatWasDrawn) {
  View view{golden_noise({1, kHeight, kWidth}, 1) * 0.5 + 0.25, golden_blocks(1)};
  const torch::Tensor before = view.image.clone();
  RandomStream stream({1});
  make_augmentation("contrast", {.probability = 1, .contrast = 0.4}).apply(view, stream);
  const double factor = (view.image.std(false) / before.std(false)).item<double>();
  const torch::Tensor mean = before.mean();
  const torch::Tensor at_full_strength = mean + (view.image - mean) * (1.4 / factor);
  EXPECT_LT(
      largest_difference(at_full_strength[0].clamp(0, 1), golden("contrast", {kHeight, kWidth})),
      2e-5);
}

TEST(AugmentationGolden, ClaheIsOpenCvsOnEightBits) {
  // Sides that tiles divide, and sides that they do not.
  for (const cv::Size size : {cv::Size(64, 48), cv::Size(67, 53)}) {
    cv::Mat levels(size, CV_8UC1);
    const torch::Tensor noise = golden_noise({size.height, size.width}, 4);
    for (int y = 0; y < size.height; ++y)
      for (int x = 0; x < size.width; ++x)
        levels.at<std::uint8_t>(y, x) =
            static_cast<std::uint8_t>(static_cast<float>(x + y) * noise[y][x].item<float>() * 255 /
                                      static_cast<float>(size.width + size.height));
    levels.at<std::uint8_t>(0, 0) = 0;  // the own range is the whole range
    levels.at<std::uint8_t>(1, 1) = 255;
    cv::Mat expected, ours;
    cv::createCLAHE(2.5, {4, 4})->apply(levels, expected);
    levels.convertTo(ours, CV_32F);
    equalize_adaptively(ours, 2.5, 4);
    // OpenCV rounds the mapping of every tile, then the result.
    EXPECT_LT(cv::norm(expected, cv::Mat_<std::uint8_t>(ours), cv::NORM_INF), 2);
    EXPECT_GT(cv::norm(expected, levels, cv::NORM_INF), 10);
  }
}

}  // namespace
}  // namespace medsweep::datasets
