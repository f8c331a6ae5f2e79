#include "models/mask_rcnn/image_transform.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/mask_rcnn/objects.h"

namespace medsweep::models {
namespace {

torch::Tensor per_channel(const std::vector<double>& values, std::vector<double> standard,
                          double gray, std::int64_t channels) {
  if (channels == 1) standard = {gray};
  return torch::tensor(values.empty() ? standard : values, torch::kFloat).view({-1, 1, 1});
}

bool all_equal(const std::vector<datasets::Extent>& sizes, const datasets::Extent& extent) {
  return std::all_of(sizes.begin(), sizes.end(), [&](const auto& size) { return size == extent; });
}

datasets::Extent padded_extent(const std::vector<datasets::Extent>& sizes,
                               const torch::Tensor& images, std::int64_t multiple) {
  datasets::Extent extent{images.size(2), images.size(3)};
  if (!sizes.empty()) extent = {0, 0};
  for (const auto& size : sizes)
    extent = {std::max(extent.height, size.height), std::max(extent.width, size.width)};
  return {std::max(multiple, datasets::round_up(extent.height, multiple)),
          std::max(multiple, datasets::round_up(extent.width, multiple))};
}

}  // namespace

RcnnImageTransform::RcnnImageTransform(const MaskRcnnOptions& options)
    : options_(options.image),
      channels_(options.backbone_options.in_channels),
      mean_(per_channel(options.image.mean, {0.485, 0.456, 0.406}, 0.449, channels_)),
      deviation_(per_channel(options.image.deviation, {0.229, 0.224, 0.225}, 0.226, channels_)),
      layout_(options.layout) {}

datasets::Extent RcnnImageTransform::resized(const datasets::Extent& size,
                                             std::int64_t min_size) const {
  if (options_.resize == RcnnResize::kNone) return {size.height, size.width};
  const auto shorter = static_cast<double>(std::min(size.height, size.width));
  const auto longer = static_cast<double>(std::max(size.height, size.width));
  double scale = static_cast<double>(min_size) / shorter;
  if (options_.resize == RcnnResize::kEnlargeOnly) scale = std::max(scale, 1.0);
  scale = std::min(scale, static_cast<double>(options_.max_size) / longer);
  const auto side = [scale](std::int64_t length) {
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::floor(static_cast<double>(length) * scale)));
  };
  return {side(size.height), side(size.width)};
}

std::vector<datasets::Extent> RcnnImageTransform::sizes_of(const datasets::Batch& batch,
                                                           RcnnPhase phase) const {
  std::vector<datasets::Extent> sizes;
  for (std::size_t i = 0; i < batch.sizes.size(); ++i) {
    std::int64_t min_size = options_.min_sizes.back();
    if (phase == RcnnPhase::kTraining && options_.min_sizes.size() > 1) {
      auto stream = stream_of(batch, i, RcnnDraw::kImageSize);
      min_size = options_.min_sizes[static_cast<std::size_t>(
          stream.below(static_cast<std::int64_t>(options_.min_sizes.size())))];
    }
    sizes.push_back(resized(batch.sizes[i], min_size));
  }
  return sizes;
}

RcnnInput RcnnImageTransform::forward(const datasets::Batch& batch, RcnnPhase phase) const {
  if (batch.images.dim() != 4 || batch.images.size(1) != channels_)
    throw std::invalid_argument(fmt::format("[mask_rcnn] images of {}; N x {} x H x W are allowed",
                                            fmt::join(batch.images.sizes(), " x "), channels_));
  RcnnInput input;
  input.sizes = sizes_of(batch, phase);
  const auto extent = padded_extent(input.sizes, batch.images, options_.multiple);
  const torch::Tensor images = batch.images.to(torch::kFloat);
  const auto layout = memory_format_of(layout_);
  const bool is_whole = images.size(2) == extent.height && images.size(3) == extent.width;
  if (is_whole && all_equal(input.sizes, extent) && all_equal(batch.sizes, extent)) {
    input.images = ((images - mean_) / deviation_).contiguous(layout);
    return input;
  }
  input.images =
      torch::zeros({images.size(0), channels_, extent.height, extent.width}, images.options())
          .contiguous(layout);
  for (std::size_t i = 0; i < input.sizes.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const auto &from = batch.sizes[i], &to = input.sizes[i];
    torch::Tensor image =
        images.narrow(0, index, 1).narrow(2, 0, from.height).narrow(3, 0, from.width);
    image = ((image - mean_) / deviation_).contiguous();
    if (from != to) image = torch::upsample_bilinear2d(image, {to.height, to.width}, false);
    input.images.narrow(0, index, 1).narrow(2, 0, to.height).narrow(3, 0, to.width).copy_(image);
  }
  return input;
}

torch::Tensor resize_boxes(const torch::Tensor& boxes, const datasets::Extent& from,
                           const datasets::Extent& to) {
  const auto x = static_cast<float>(to.width) / static_cast<float>(from.width);
  const auto y = static_cast<float>(to.height) / static_cast<float>(from.height);
  return boxes * torch::tensor({x, y, x, y}, boxes.options());
}

}  // namespace medsweep::models
