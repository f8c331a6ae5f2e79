#include "runner/metrics/detection/label_map.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <ranges>
#include <stdexcept>

#include "runner/metrics/detection/overlap.h"

namespace medsweep::runner {
namespace {

void check_painted(const models::Detections& found, const datasets::Extent& image) {
  const std::vector<std::int64_t> shape{found.scores.numel(), image.height, image.width};
  if (found.masks.defined() && found.masks.sizes() != shape)
    throw std::invalid_argument(fmt::format("[label map] masks of [{}]; [{}] is allowed",
                                            fmt::join(found.masks.sizes().vec(), ", "),
                                            fmt::join(shape, ", ")));
  const auto* labels = found.labels.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < found.labels.numel(); ++i)
    if (labels[i] < 1 || labels[i] > 255)
      throw std::invalid_argument(
          fmt::format("[label map] a label {}; 1 to 255 are allowed", labels[i]));
}

/// The first pixel whose middle is not before `edge`.
std::int64_t first_pixel(float edge, std::int64_t size) {
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(edge - 0.5F)), 0, size);
}

}  // namespace

torch::Tensor filled_box(const float* box, const datasets::Extent& image) {
  torch::Tensor mask = torch::zeros({image.height, image.width}, torch::kUInt8);
  const std::int64_t top = first_pixel(box[1], image.height),
                     left = first_pixel(box[0], image.width);
  mask.slice(0, top, std::max(top, first_pixel(box[3], image.height)))
      .slice(1, left, std::max(left, first_pixel(box[2], image.width)))
      .fill_(1);
  return mask;
}

torch::Tensor label_map_of(const models::Detections& found, const datasets::Extent& image,
                           double minimum_score) {
  models::Detections host{found.boxes.cpu().contiguous(),
                          found.scores.cpu().contiguous(),
                          found.labels.cpu().contiguous(),
                          {}};
  if (found.masks.defined()) host.masks = found.masks.cpu();
  check_painted(host, image);
  torch::Tensor map = torch::zeros({image.height, image.width}, torch::kUInt8);
  for (const std::int64_t i : by_falling_score(host.scores) | std::views::reverse) {
    if (host.scores.const_data_ptr<float>()[i] < minimum_score) continue;
    const torch::Tensor mask = host.masks.defined()
                                   ? host.masks[i]
                                   : filled_box(host.boxes.const_data_ptr<float>() + 4 * i, image);
    map.masked_fill_(mask.ne(0), host.labels.const_data_ptr<std::int64_t>()[i]);
  }
  return map;
}

}  // namespace medsweep::runner
