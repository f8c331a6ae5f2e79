#include "datasets/augmentation/brightness_contrast.h"

namespace medsweep::datasets {

Augmentation make_brightness_contrast(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
            const bool stretched = stream.chance(options.probability);
            const double factor = stream.uniform(1 - options.contrast, 1 + options.contrast);
            const bool shifted = stream.chance(options.probability);
            const double shift = stream.uniform(-options.brightness, options.brightness);
            if (!stretched && !shifted) return;
            view.image = view.image.contiguous();
            const Moments old = moments(view.image);
            const auto scale = static_cast<float>(stretched ? factor : 1);
            const auto offset =
                static_cast<float>((1 - scale) * old.mean + (shifted ? shift * old.deviation : 0));
            float* values = view.image.mutable_data_ptr<float>();
            for (std::int64_t i = 0; i < view.image.numel(); ++i)
              values[i] = scale * values[i] + offset;
          },
          0};
}

}  // namespace medsweep::datasets
