#include "datasets/augmentation/equalize.h"

#include <algorithm>
#include <array>
#include <opencv2/core.hpp>

#include "datasets/augmentation/planes.h"

namespace medsweep::datasets {
namespace {

constexpr int kBins = 256;

}  // namespace

void equalize_plane(cv::Mat& plane) {
  double low = 0, high = 0;
  cv::minMaxLoc(plane, &low, &high);
  if (!(high > low)) return;
  const auto start = static_cast<float>(low);
  const auto bins_a_unit = static_cast<float>(kBins / (high - low));
  std::array<double, kBins> share{};
  const auto place_of = [&](float value) { return (value - start) * bins_a_unit; };
  for (int y = 0; y < plane.rows; ++y)
    for (const float* value = plane.ptr<float>(y); value < plane.ptr<float>(y) + plane.cols;
         ++value)
      ++share[static_cast<std::size_t>(
          std::clamp(static_cast<int>(place_of(*value)), 0, kBins - 1))];
  for (std::size_t bin = 1; bin < kBins; ++bin) share[bin] += share[bin - 1];
  std::array<float, kBins> level{};
  for (std::size_t bin = 0; bin < kBins; ++bin)
    level[bin] = static_cast<float>(low + (high - low) * share[bin] / share[kBins - 1]);
  for (int y = 0; y < plane.rows; ++y)
    for (float* value = plane.ptr<float>(y); value < plane.ptr<float>(y) + plane.cols; ++value) {
      const float place = std::clamp(place_of(*value) - 0.5F, 0.0F, kBins - 1.0F);
      const auto bin = static_cast<std::size_t>(place);
      const float next = level[std::min<std::size_t>(bin + 1, kBins - 1)];
      *value = level[bin] + (place - static_cast<float>(bin)) * (next - level[bin]);
    }
}

Augmentation make_equalize(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    if (stream.chance(options.probability)) change_luma(view.image, equalize_plane);
  }};
}

}  // namespace medsweep::datasets
