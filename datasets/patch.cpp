#include "datasets/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <stdexcept>

#include "datasets/foreground.h"
#include "datasets/patch_axis.h"

namespace medsweep::datasets {
namespace {

void check_pixels(const char* what, const Extent& extent) {
  if (extent.height < 1 || extent.width < 1)
    throw std::invalid_argument(fmt::format("[patch] {} of {} x {}; at least 1 x 1 is allowed",
                                            what, extent.height, extent.width));
}

}  // namespace

void check(const PatchOptions& options) {
  if (options.extent.height < 0 || options.extent.width < 0)
    throw std::invalid_argument(fmt::format("[patch] {} x {}; at least 1 x 1 is allowed",
                                            options.extent.height, options.extent.width));
  if (!(options.foreground >= 0 && options.foreground <= 1))
    throw std::invalid_argument(
        fmt::format("[patch.foreground] {}; 0 to 1 is allowed", options.foreground));
  if (options.patches_per_image < 1)
    throw std::invalid_argument(fmt::format("[patch.patches_per_image] {}; at least 1 is allowed",
                                            options.patches_per_image));
}

Window draw_window(const torch::Tensor& labels, const PatchOptions& options, RandomStream& stream) {
  const std::int64_t height = labels.size(0), width = labels.size(1);
  const std::int64_t patch_height = options.extent.height, patch_width = options.extent.width;
  std::optional<std::int64_t> centre;
  if (stream.chance(options.foreground)) centre = draw_foreground(labels, stream);
  const std::int64_t top = centre
                               ? *centre / width - patch_height / 2
                               : stream.below(std::max<std::int64_t>(height - patch_height, 0) + 1);
  const std::int64_t left = centre
                                ? *centre % width - patch_width / 2
                                : stream.below(std::max<std::int64_t>(width - patch_width, 0) + 1);
  return {patch_start(top, height, patch_height), patch_start(left, width, patch_width),
          options.extent};
}

Window with_context(const Window& window, double degrees, double stretch, double pixels) {
  if (degrees == 0 && stretch == 1 && pixels == 0) return window;
  const auto height = static_cast<double>(window.extent.height);
  const auto width = static_cast<double>(window.extent.width);
  const auto margin = [&](double own, double across) {
    const double side = own * stretch, other = across * stretch;
    // The rotated side grows until the diagonal stands on it.
    const double angle = std::min(degrees * std::numbers::pi / 180, std::atan2(other, side));
    const double rotated = side * std::cos(angle) + other * std::sin(angle);
    return static_cast<std::int64_t>(std::ceil((rotated - own) / 2 + pixels)) + 1;
  };
  const std::int64_t rows = margin(height, width), columns = margin(width, height);
  return {window.top - rows,
          window.left - columns,
          {window.extent.height + 2 * rows, window.extent.width + 2 * columns}};
}

Window intersection(const Window& window, const Extent& image) {
  const auto clip = [](std::int64_t value, std::int64_t side) {
    return std::clamp<std::int64_t>(value, 0, side);
  };
  const std::int64_t top = clip(window.top, image.height), left = clip(window.left, image.width);
  return {top,
          left,
          {clip(window.top + window.extent.height, image.height) - top,
           clip(window.left + window.extent.width, image.width) - left}};
}

torch::Tensor cut(const torch::Tensor& tensor, const Window& window, double fill) {
  const Window own = intersection(window, {tensor.size(-2), tensor.size(-1)});
  const torch::Tensor inside = tensor.slice(-2, own.top, own.top + own.extent.height)
                                   .slice(-1, own.left, own.left + own.extent.width);
  if (own == window) return inside;
  const std::int64_t above = own.top - window.top, before = own.left - window.left;
  return torch::constant_pad_nd(inside,
                                {before, window.extent.width - own.extent.width - before, above,
                                 window.extent.height - own.extent.height - above},
                                fill);
}

std::vector<Window> windows(const Extent& image, const Extent& patch, double overlap) {
  check_pixels("an image", image);
  check_pixels("a patch", patch);
  if (!(overlap >= 0 && overlap < 1))
    throw std::invalid_argument(
        fmt::format("[patch.overlap] {}; at least 0 and less than 1 is allowed", overlap));
  std::vector<Window> list;
  for (const std::int64_t top : tile_starts(image.height, patch.height, overlap))
    for (const std::int64_t left : tile_starts(image.width, patch.width, overlap))
      list.push_back({top, left, patch});
  return list;
}

torch::Tensor tile_weights(const Extent& patch, TileWeight weight) {
  check_pixels("a patch", patch);
  if (weight == TileWeight::kConstant) return torch::ones({patch.height, patch.width});
  const torch::Tensor weights = torch::outer(bell(patch.height), bell(patch.width));
  return (weights / weights.max()).clamp_min(1e-6).to(torch::kFloat32);
}

Mosaic::Mosaic(const Extent& image, const Extent& patch, TileWeight weight)
    : image_(image),
      weights_(tile_weights(patch, weight)),
      total_(torch::zeros({image.height, image.width})) {}

void Mosaic::add(const Window& window, const torch::Tensor& probabilities) {
  if (window.extent != Extent{weights_.size(0), weights_.size(1)} || window.top < 0 ||
      window.left < 0 || window.top >= image_.height || window.left >= image_.width ||
      probabilities.size(-2) != window.extent.height ||
      probabilities.size(-1) != window.extent.width)
    throw std::invalid_argument(
        fmt::format("[patch] a tile of {} x {} at ({}, {}); {} x {} within {} x {} is allowed",
                    probabilities.size(-2), probabilities.size(-1), window.top, window.left,
                    weights_.size(0), weights_.size(1), image_.height, image_.width));
  if (!sum_.defined()) sum_ = torch::zeros({probabilities.size(0), image_.height, image_.width});
  const std::int64_t bottom = std::min(window.top + window.extent.height, image_.height);
  const std::int64_t right = std::min(window.left + window.extent.width, image_.width);
  const auto within = [&](const torch::Tensor& tensor) {
    return tensor.slice(-2, 0, bottom - window.top).slice(-1, 0, right - window.left);
  };
  const auto at = [&](const torch::Tensor& tensor) {
    return tensor.slice(-2, window.top, bottom).slice(-1, window.left, right);
  };
  at(sum_).addcmul_(within(probabilities), within(weights_));
  at(total_).add_(within(weights_));
}

torch::Tensor Mosaic::result() const {
  if (!sum_.defined() || total_.min().item<float>() <= 0)
    throw std::logic_error("[patch] a pixel of the image lies in no tile");
  return sum_ / total_;
}

}  // namespace medsweep::datasets
