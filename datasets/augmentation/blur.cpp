#include "datasets/augmentation/blur.h"

#include <cmath>
#include <opencv2/imgproc.hpp>

#include "datasets/augmentation/planes.h"

namespace medsweep::datasets {

void blur(torch::Tensor& image, double deviation) {
  const auto radius = static_cast<int>(std::lround(4 * deviation));
  if (deviation < 0.1 || radius < 1) return;
  const cv::Mat kernel = cv::getGaussianKernel(2 * radius + 1, deviation, CV_32F);
  for_each_plane(image, [&](cv::Mat& plane) {
    cv::sepFilter2D(plane, plane, CV_32F, kernel, kernel, {-1, -1}, 0, cv::BORDER_REFLECT_101);
  });
}

Augmentation make_blur(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    const bool changed = stream.chance(options.probability);
    const double deviation = stream.uniform(0, options.blur);
    if (changed) blur(view.image, deviation);
  }};
}

}  // namespace medsweep::datasets
