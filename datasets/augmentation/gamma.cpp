#include "datasets/augmentation/gamma.h"

#include <cmath>

namespace medsweep::datasets {

void apply_gamma(torch::Tensor& image, double exponent) {
  image = image.contiguous();
  const Range range = range_of(image);
  if (!(range.width() > 0)) return;
  const auto power = static_cast<float>(exponent);
  float* values = image.mutable_data_ptr<float>();
  const std::int64_t count = image.numel();
  for (std::int64_t i = 0; i < count; ++i)
    values[i] =
        range.low + range.width() * std::pow((values[i] - range.low) / range.width(), power);
}

Augmentation make_gamma(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    const bool changed = stream.chance(options.probability);
    const double exponent = std::exp(stream.uniform(-1, 1) * std::log1p(options.gamma));
    if (changed) apply_gamma(view.image, exponent);
  }};
}

}  // namespace medsweep::datasets
