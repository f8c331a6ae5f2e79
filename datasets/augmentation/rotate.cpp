#include "datasets/augmentation/rotate.h"

#include <opencv2/imgproc.hpp>

namespace medsweep::datasets {
namespace {

// OpenCV's header of a plane that torch owns.
cv::Mat plane_of(const torch::Tensor& plane, int type) {
  return {static_cast<int>(plane.size(0)), static_cast<int>(plane.size(1)), type,
          plane.mutable_data_ptr()};
}

}  // namespace

void rotate_view(View& view, double degrees) {
  if (degrees == 0) return;
  view.image = view.image.contiguous();
  view.labels = view.labels.contiguous();
  const auto height = static_cast<float>(view.labels.size(0));
  const auto width = static_cast<float>(view.labels.size(1));
  const cv::Mat transform =
      cv::getRotationMatrix2D({(width - 1) / 2, (height - 1) / 2}, degrees, 1.0);
  const torch::Tensor image = torch::empty_like(view.image);
  for (std::int64_t c = 0; c < image.size(0); ++c) {
    cv::Mat out = plane_of(image[c], CV_32FC1);
    cv::warpAffine(plane_of(view.image[c], CV_32FC1), out, transform, out.size(), cv::INTER_LINEAR,
                   cv::BORDER_CONSTANT, cv::Scalar(0));
  }
  const torch::Tensor labels = torch::empty_like(view.labels);
  cv::Mat out = plane_of(labels, CV_16SC1);
  cv::warpAffine(plane_of(view.labels, CV_16SC1), out, transform, out.size(), cv::INTER_NEAREST,
                 cv::BORDER_CONSTANT, cv::Scalar(static_cast<double>(kIgnored)));
  view = {image, labels};
}

Augmentation make_rotate(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
            const bool rotated = stream.chance(options.probability);
            const double degrees = stream.uniform(-options.degrees, options.degrees);
            if (rotated) rotate_view(view, degrees);
          },
          options.degrees};
}

}  // namespace medsweep::datasets
