#pragma once

#include <gtest/gtest.h>

#include "tests/models/golden_numbers.h"

namespace medsweep::models::golden {

// The streams of tests/golden/operators.py.
inline constexpr std::uint32_t kFeatures = 11, kBoxes = 12, kPooledGradient = 13, kScores = 14,
                               kGroups = 15, kMasks = 16, kDeltas = 17;

inline nlohmann::json operator_numbers() {
  std::ifstream file(path_of("operators.json"));
  return nlohmann::json::parse(file);
}

inline torch::Tensor tensor_of(const nlohmann::json& values) {
  return torch::tensor(values.get<std::vector<double>>(), torch::kDouble).to(torch::kFloat);
}

inline torch::Tensor boxes_in(std::uint32_t stream, std::int64_t count, double width, double height,
                              double size) {
  const torch::Tensor values = uniform(stream, {count, 4}) * 0.5 + 0.5;
  const torch::Tensor x = values.select(1, 0) * width, y = values.select(1, 1) * height;
  return torch::stack({x, y, x + values.select(1, 2) * size, y + values.select(1, 3) * size}, 1);
}

/// A box on each edge and outside, of no area, inside out, larger than the map, below a pixel.
inline torch::Tensor odd_boxes() {
  return torch::tensor(
             {-40.0, -40.0, -20.0,  -20.0,  100.0,  90.0,   128.0, 96.0, 30.0, 30.0,  30.0,
              30.0,  50.0,  10.0,   50.0,   70.0,   60.0,   60.0,  20.0, 30.0, -50.0, -30.0,
              200.0, 180.0, -900.0, -700.0, 1200.0, 1000.0, 33.3,  21.7, 33.5, 21.9,  127.9,
              95.9,  180.0, 130.0,  0.0,    0.0,    128.0,  96.0,  -4.0, -4.0, 8.0,   8.0},
             torch::kFloat)
      .view({-1, 4});
}

/// [R, 5]: boxes anywhere in two images of 96 x 128, then the odd ones.
inline torch::Tensor golden_rois() {
  const torch::Tensor boxes = torch::cat({boxes_in(kBoxes, 9, 128, 96, 60), odd_boxes()});
  const torch::Tensor images =
      torch::arange(boxes.size(0), torch::kFloat).remainder(2).unsqueeze(1);
  return torch::cat({images, boxes}, 1);
}

inline void expect_close(const torch::Tensor& got, const torch::Tensor& expected, double tolerance,
                         const std::string& what) {
  ASSERT_EQ(got.sizes(), expected.sizes()) << what;
  const double difference =
      got.numel() == 0 ? 0 : (got.to(torch::kFloat) - expected).abs().max().item<double>();
  EXPECT_LE(difference, tolerance) << what;
}

inline void expect_products(const torch::Tensor& got, const nlohmann::json& expected,
                            double tolerance, const std::string& what) {
  const std::vector<double> sums = products(got);
  for (std::size_t i = 0; i < sums.size(); ++i)
    EXPECT_NEAR(sums[i], expected[i].get<double>(), tolerance) << what << " product " << i;
}

}  // namespace medsweep::models::golden
