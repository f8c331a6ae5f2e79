#include "datasets/augmentation/saturation.h"

#include <algorithm>

#include "datasets/augmentation/planes.h"

namespace medsweep::datasets {

void saturate(torch::Tensor& image, double factor) {
  if (!is_coloured(image)) return;
  image = image.contiguous();
  const std::int64_t count = image[0].numel();
  const auto colour = static_cast<float>(factor);
  float* red = image.mutable_data_ptr<float>();
  float *green = red + count, *blue = green + count;
  for (std::int64_t i = 0; i < count; ++i) {
    const float luma = 0.299F * red[i] + 0.587F * green[i] + 0.114F * blue[i];
    red[i] = luma + colour * (red[i] - luma);
    green[i] = luma + colour * (green[i] - luma);
    blue[i] = luma + colour * (blue[i] - luma);
  }
}

Augmentation make_saturation(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    const bool changed = stream.chance(options.probability);
    const double factor = stream.uniform(1 - options.saturation, 1 + options.saturation);
    if (changed) saturate(view.image, std::max(factor, 0.0));
  }};
}

}  // namespace medsweep::datasets
