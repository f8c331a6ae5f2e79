#include "datasets/augmentation/brightness_contrast.h"

namespace medsweep::datasets {
namespace {

// x -> mean + factor (x - mean) + shift * deviation.
void stretch_and_shift(torch::Tensor& image, double factor, double shift) {
  image = image.contiguous();
  const Moments old = moments(image);
  const auto scale = static_cast<float>(factor);
  const auto offset = static_cast<float>((1 - factor) * old.mean + shift * old.deviation);
  float* values = image.mutable_data_ptr<float>();
  const std::int64_t count = image.numel();
  for (std::int64_t i = 0; i < count; ++i) values[i] = scale * values[i] + offset;
}

}  // namespace

Augmentation make_brightness_contrast(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    const bool stretched = stream.chance(options.probability);
    const double factor = stream.uniform(1 - options.contrast, 1 + options.contrast);
    const bool shifted = stream.chance(options.probability);
    const double shift = stream.uniform(-options.brightness, options.brightness);
    if (stretched || shifted)
      stretch_and_shift(view.image, stretched ? factor : 1, shifted ? shift : 0);
  }};
}

Augmentation make_contrast(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    const bool stretched = stream.chance(options.probability);
    const double factor = stream.uniform(1 - options.contrast, 1 + options.contrast);
    if (stretched) stretch_and_shift(view.image, factor, 0);
  }};
}

Augmentation make_brightness(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    const bool shifted = stream.chance(options.probability);
    const double shift = stream.uniform(-options.brightness, options.brightness);
    if (shifted) stretch_and_shift(view.image, 1, shift);
  }};
}

}  // namespace medsweep::datasets
