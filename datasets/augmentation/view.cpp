#include "datasets/augmentation/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

void check_option(const char* name, double value, double low, double high) {
  if (value >= low && value <= high) return;
  const bool open = high == std::numeric_limits<double>::max();
  throw std::invalid_argument(
      open ? fmt::format("[augmentation.{}] {}; {} or more is allowed", name, value, low)
           : fmt::format("[augmentation.{}] {}; {} to {} is allowed", name, value, low, high));
}

// Sums in this many lanes keep the processor busy; their number fixes the order of summation.
constexpr std::int64_t kLanes = 8;

}  // namespace

FlipAxes flip_axes(const std::string& name) {
  if (name == "both") return FlipAxes::kBoth;
  if (name == "horizontal") return FlipAxes::kHorizontal;
  if (name == "vertical") return FlipAxes::kVertical;
  if (name == "depth") return FlipAxes::kDepth;
  if (name == "all") return FlipAxes::kAll;
  throw std::invalid_argument(fmt::format(
      "[augmentation.axes] '{}'; both, horizontal, vertical, depth and all are allowed", name));
}

Border border_of(const std::string& name) {
  if (name == "zero") return Border::kZero;
  if (name == "mirror") return Border::kMirror;
  throw std::invalid_argument(
      fmt::format("[augmentation.border] '{}'; zero and mirror are allowed", name));
}

Moments moments(const torch::Tensor& image) {
  const torch::Tensor dense = image.contiguous();
  const float* values = dense.const_data_ptr<float>();
  std::array<double, kLanes> sums{}, squares{};
  const std::int64_t count = dense.numel(), whole = count / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + static_cast<std::int64_t>(lane)];
      sums[lane] += value;
      squares[lane] += value * value;
    }
  for (std::int64_t i = whole; i < count; ++i) {
    sums[0] += values[i];
    squares[0] += static_cast<double>(values[i]) * values[i];
  }
  double sum = 0, square = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    sum += sums[lane];
    square += squares[lane];
  }
  const auto divisor = static_cast<double>(std::max<std::int64_t>(count, 1));
  const double mean = sum / divisor;
  return {mean, std::sqrt(std::max(square / divisor - mean * mean, 0.0))};
}

Range range_of(const torch::Tensor& image) {
  const torch::Tensor dense = image.contiguous();
  const std::int64_t count = dense.numel();
  if (count == 0) return {};
  const float* values = dense.const_data_ptr<float>();
  std::array<float, kLanes> low{}, high{};
  low.fill(values[0]);
  high.fill(values[0]);
  const std::int64_t whole = count / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = values[i + static_cast<std::int64_t>(lane)];
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
    }
  for (std::int64_t i = whole; i < count; ++i) {
    low[0] = std::min(low[0], values[i]);
    high[0] = std::max(high[0], values[i]);
  }
  return {std::ranges::min(low), std::ranges::max(high)};
}

void check(const AugmentationOptions& options) {
  constexpr double kMost = std::numeric_limits<double>::max();
  check_option("probability", options.probability, 0, 1);
  check_option("degrees", options.degrees, 0, 180);
  check_option("tilt", options.tilt, 0, 180);
  check_option("scaling", options.scaling, 0, 0.9);
  check_option("shear", options.shear, 0, 60);
  check_option("magnitude", options.magnitude, 0, kMost);
  check_option("spacing", static_cast<double>(options.spacing), 2, kMost);
  check_option("smallest", options.smallest, 0.05, 1);
  check_option("foreground", options.foreground, 0, 1);
  check_option("margin", options.margin, 0, 1);
  check_option("brightness", options.brightness, 0, kMost);
  check_option("contrast", options.contrast, 0, 1);
  check_option("gamma", options.gamma, 0, kMost);
  check_option("saturation", options.saturation, 0, kMost);
  check_option("sharpness", options.sharpness, 0, kMost);
  check_option("blur", options.blur, 0, 100);
  check_option("sigma", options.sigma, 0, kMost);
  check_option("clip", options.clip, 1, kMost);
  check_option("tiles", static_cast<double>(options.tiles), 1, 64);
  check_option("holes", static_cast<double>(options.holes), 0, 1000);
  check_option("hole", options.hole, 0, 1);
}

}  // namespace medsweep::datasets
