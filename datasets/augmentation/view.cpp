#include "datasets/augmentation/view.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

void check_option(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high))
    throw std::invalid_argument(
        fmt::format("[augmentation.{}] {}; {} to {} is allowed", name, value, low, high));
}

}  // namespace

FlipAxes flip_axes(const std::string& name) {
  if (name == "both") return FlipAxes::kBoth;
  if (name == "horizontal") return FlipAxes::kHorizontal;
  if (name == "vertical") return FlipAxes::kVertical;
  throw std::invalid_argument(
      fmt::format("[augmentation.axes] '{}'; both, horizontal and vertical are allowed", name));
}

Moments moments(const torch::Tensor& image) {
  const float* values = image.const_data_ptr<float>();
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < image.numel(); ++i) {
    sum += values[i];
    squares += static_cast<double>(values[i]) * values[i];
  }
  const auto count = static_cast<double>(std::max<std::int64_t>(image.numel(), 1));
  const double mean = sum / count;
  return {mean, std::sqrt(std::max(squares / count - mean * mean, 0.0))};
}

void check(const AugmentationOptions& options) {
  constexpr double kMost = std::numeric_limits<double>::max();
  check_option("probability", options.probability, 0, 1);
  check_option("degrees", options.degrees, 0, 180);
  check_option("brightness", options.brightness, 0, kMost);
  check_option("contrast", options.contrast, 0, 1);
  check_option("sigma", options.sigma, 0, kMost);
}

}  // namespace medsweep::datasets
