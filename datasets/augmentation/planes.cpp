#include "datasets/augmentation/planes.h"

#include <torch/torch.h>

namespace medsweep::datasets {

void for_each_plane(torch::Tensor& image, const std::function<void(cv::Mat& plane)>& change) {
  image = image.contiguous();
  const std::int64_t height = image.size(-2), width = image.size(-1), pixels = height * width;
  if (pixels == 0) return;
  auto* values = image.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < image.numel(); i += pixels) {
    cv::Mat plane(static_cast<int>(height), static_cast<int>(width), CV_32FC1, values + i);
    change(plane);
  }
}

bool is_coloured(const torch::Tensor& image) { return image.size(0) == 3; }

torch::Tensor luma_of(const torch::Tensor& image) {
  const torch::Tensor dense = image.contiguous();
  torch::Tensor luma = torch::empty(dense.sizes().slice(1));
  const std::int64_t count = luma.numel();
  const auto* red = dense.const_data_ptr<float>();
  const float *green = red + count, *blue = green + count;
  auto* out = luma.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = 0.299F * red[i] + 0.587F * green[i] + 0.114F * blue[i];
  return luma;
}

void change_luma(torch::Tensor& image, const std::function<void(cv::Mat& plane)>& change) {
  if (!is_coloured(image)) {
    for_each_plane(image, change);
    return;
  }
  image = image.contiguous();
  const torch::Tensor old = luma_of(image);
  torch::Tensor changed = old.clone();
  for_each_plane(changed, change);
  const std::int64_t count = old.numel();
  const auto *before = old.const_data_ptr<float>(), *after = changed.const_data_ptr<float>();
  auto* values = image.mutable_data_ptr<float>();
  for (std::int64_t c = 0; c < 3; ++c, values += count)
    for (std::int64_t i = 0; i < count; ++i) values[i] += after[i] - before[i];
}

}  // namespace medsweep::datasets
