#include "datasets/augmentation/sa_unet.h"

#include <algorithm>

#include "datasets/augmentation/flip.h"
#include "datasets/augmentation/noise.h"
#include "datasets/augmentation/planes.h"
#include "datasets/augmentation/rotate.h"
#include "datasets/augmentation/saturation.h"
#include "datasets/augmentation/sharpness.h"

namespace medsweep::datasets {
namespace {

constexpr float kWhite = 255;

// Each value becomes change(value), kept within the range.
template <typename Change>
void change_within(torch::Tensor& image, const Range& range, const Change& change) {
  float* values = image.mutable_data_ptr<float>();
  const std::int64_t count = image.numel();
  for (std::int64_t i = 0; i < count; ++i)
    values[i] = std::clamp(change(values[i]), range.low, range.high);
}

// low / 10, ... (high - 1) / 10, as Python's randint(low, high) / 10.
float tenths(std::int64_t low, std::int64_t high, RandomStream& stream) {
  return static_cast<float>(low + stream.below(high - low)) / 10;
}

void jitter(torch::Tensor& image, RandomStream& stream) {
  const float colour = tenths(0, 31, stream), brightness = tenths(10, 21, stream);
  const float contrast = tenths(10, 21, stream), sharpness = tenths(0, 31, stream);
  image = image.contiguous();
  const Range range = range_of(image);
  const auto same = [](float value) { return value; };
  saturate(image, colour);
  change_within(image, range, same);
  change_within(image, range,
                [&](float value) { return range.low + brightness * (value - range.low); });
  const auto mean = static_cast<float>(moments(is_coloured(image) ? luma_of(image) : image).mean);
  change_within(image, range, [&](float value) { return mean + contrast * (value - mean); });
  sharpen(image, sharpness);
  change_within(image, range, same);
}

}  // namespace

Augmentation make_sa_unet(const AugmentationOptions&) {
  return {[](View& view, RandomStream& stream) {
            const std::int64_t variant = stream.below(13);
            if (variant >= 1 && variant <= 3) {
              rotate_view(view, static_cast<double>(1 + stream.below(359)));
            } else if (variant >= 4 && variant <= 6) {
              jitter(view.image, stream);
            } else if (variant >= 7 && variant <= 9) {
              const double grey = range_of(view.image).width() / kWhite;
              add_noise(view.image, 0.2 * grey, 0.3 * grey, stream);
            }
            if (variant == 10 || variant == 12) flip_horizontally(view);
            if (variant == 11 || variant == 12) flip_vertically(view);
          },
          180};
}

}  // namespace medsweep::datasets
