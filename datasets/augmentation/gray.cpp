#include "datasets/augmentation/gray.h"

namespace medsweep::datasets {
namespace {

void make_channels_luma(torch::Tensor& image) {
  image = image.contiguous();
  const std::int64_t count = image.size(1) * image.size(2);
  float* red = image.mutable_data_ptr<float>();
  float *green = red + count, *blue = green + count;
  for (std::int64_t i = 0; i < count; ++i)
    red[i] = green[i] = blue[i] = 0.299F * red[i] + 0.587F * green[i] + 0.114F * blue[i];
}

}  // namespace

Augmentation make_gray(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
            if (stream.chance(options.probability) && view.image.size(0) == 3)
              make_channels_luma(view.image);
          },
          0};
}

}  // namespace medsweep::datasets
