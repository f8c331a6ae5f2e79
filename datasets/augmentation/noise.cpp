#include "datasets/augmentation/noise.h"

#include <cmath>
#include <numbers>

namespace medsweep::datasets {
namespace {

// Uniform in (0, 1), 24 bits: enough for noise, and never 0 under the logarithm.
float open_uniform(RandomStream& stream) {
  return (static_cast<float>(stream.bits() >> 8) + 0.5F) * 0x1p-24F;
}

// Box-Muller, both numbers of each pair.
void add_noise(torch::Tensor& image, float deviation, RandomStream& stream) {
  float* values = image.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < image.numel(); i += 2) {
    const float radius = deviation * std::sqrt(-2 * std::log(open_uniform(stream)));
    const float angle = 2 * std::numbers::pi_v<float> * open_uniform(stream);
    values[i] += radius * std::cos(angle);
    if (i + 1 < image.numel()) values[i + 1] += radius * std::sin(angle);
  }
}

}  // namespace

Augmentation make_noise(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
            if (!stream.chance(options.probability)) return;
            view.image = view.image.contiguous();
            const double deviation = options.sigma * moments(view.image).deviation;
            add_noise(view.image, static_cast<float>(deviation), stream);
          },
          0};
}

}  // namespace medsweep::datasets
