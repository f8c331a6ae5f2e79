#include "datasets/augmentation/noise.h"

#include <cmath>
#include <numbers>

namespace medsweep::datasets {
namespace {

// Uniform in (0, 1), 24 bits: enough for noise, and never 0 under the logarithm.
float open_uniform(RandomStream& stream) {
  return (static_cast<float>(stream.bits() >> 8) + 0.5F) * 0x1p-24F;
}

}  // namespace

// Box-Muller, both numbers of each pair.
void add_noise(torch::Tensor& image, double mean, double deviation, RandomStream& stream) {
  image = image.contiguous();
  const auto centre = static_cast<float>(mean), width = static_cast<float>(deviation);
  float* values = image.mutable_data_ptr<float>();
  const std::int64_t count = image.numel();
  for (std::int64_t i = 0; i < count; i += 2) {
    const float radius = width * std::sqrt(-2 * std::log(open_uniform(stream)));
    const float angle = 2 * std::numbers::pi_v<float> * open_uniform(stream);
    values[i] += centre + radius * std::cos(angle);
    if (i + 1 < count) values[i + 1] += centre + radius * std::sin(angle);
  }
}

Augmentation make_noise(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    if (!stream.chance(options.probability)) return;
    add_noise(view.image, 0, options.sigma * moments(view.image).deviation, stream);
  }};
}

}  // namespace medsweep::datasets
