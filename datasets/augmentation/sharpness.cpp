#include "datasets/augmentation/sharpness.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "datasets/augmentation/planes.h"

namespace medsweep::datasets {

void sharpen(torch::Tensor& image, double factor) {
  const auto detail = static_cast<float>(factor);
  const cv::Matx33f kernel(1, 1, 1, 1, 5, 1, 1, 1, 1);
  for_each_plane(image, [&](cv::Mat& plane) {
    if (plane.rows < 3 || plane.cols < 3) return;
    cv::Mat smooth;
    cv::filter2D(plane, smooth, CV_32F, cv::Mat(kernel) / 13.0);
    for (int y = 1; y + 1 < plane.rows; ++y) {
      auto* row = plane.ptr<float>(y);
      const auto* mean = smooth.ptr<float>(y);
      for (int x = 1; x + 1 < plane.cols; ++x) row[x] = mean[x] + detail * (row[x] - mean[x]);
    }
  });
}

Augmentation make_sharpness(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    const bool changed = stream.chance(options.probability);
    const double factor = stream.uniform(1 - options.sharpness, 1 + options.sharpness);
    if (changed) sharpen(view.image, std::max(factor, 0.0));
  }};
}

}  // namespace medsweep::datasets
