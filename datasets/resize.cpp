#include "datasets/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

constexpr std::array kResizeModes{
    Entry<ResizeMode>{"none", "own", "datasets/resize", ResizeMode::kNone, "the image's own size"},
    Entry<ResizeMode>{"stretch", "stretch", "datasets/resize", ResizeMode::kStretch,
                      "scaled to `size`, whatever happens to the aspect"},
    Entry<ResizeMode>{"pad", "pad", "datasets/resize", ResizeMode::kPad,
                      "aspect kept: shrunk to fit `size` if need be, centred, padded"},
    Entry<ResizeMode>{"crop", "crop", "datasets/resize", ResizeMode::kCrop,
                      "own scale: the middle `size` of it, padded where it is smaller"},
};
static_assert(names_are_unique(kResizeModes));

Extent extent_of(const torch::Tensor& tensor) { return {tensor.size(-2), tensor.size(-1)}; }

void check_extent(const char* what, const Extent& extent) {
  if (extent.height < 1 || extent.width < 1)
    throw std::invalid_argument(fmt::format("[resize] {} of {} x {}; at least 1 x 1 is allowed",
                                            what, extent.height, extent.width));
}

// Each plane of [C, h, w] scaled to `extent`.
torch::Tensor scale_planes(const torch::Tensor& planes, const Extent& extent, int interpolation) {
  const torch::Tensor in = planes.contiguous();
  torch::Tensor result = torch::empty({in.size(0), extent.height, extent.width}, in.options());
  const int type = in.scalar_type() == torch::kFloat32 ? CV_32FC1 : CV_16SC1;
  const auto mat = [&](const torch::Tensor& plane) {
    return cv::Mat(static_cast<int>(plane.size(0)), static_cast<int>(plane.size(1)), type,
                   plane.mutable_data_ptr());
  };
  for (std::int64_t c = 0; c < in.size(0); ++c) {
    cv::Mat out = mat(result[c]);
    cv::resize(mat(in[c]), out, out.size(), 0, 0, interpolation);
  }
  return result;
}

int smooth(const Extent& from, const Extent& to) {
  return to.height <= from.height && to.width <= from.width ? cv::INTER_AREA : cv::INTER_LINEAR;
}

// [C, h, w] scaled to `placement.scaled`, then padded with `fill`, or cut, to the target.
torch::Tensor place_planes(const torch::Tensor& planes, const Placement& placement,
                           int interpolation, double fill) {
  const auto& [original, target, scaled, top, left] = placement;
  const torch::Tensor fitted =
      scaled == original ? planes : scale_planes(planes, scaled, interpolation);
  if (scaled == target) return fitted;
  return torch::constant_pad_nd(
      fitted, {left, target.width - scaled.width - left, top, target.height - scaled.height - top},
      fill);
}

// Half of it, also of negative numbers rounded down.
std::int64_t half_down(std::int64_t difference) { return difference >> 1; }

}  // namespace

std::vector<Row> resize_rows() { return rows_of(kResizeModes); }

ResizeMode resize_mode(std::string_view name) { return find("resize", kResizeModes, name).make; }

Placement place(ResizeMode mode, const Extent& image, const Extent& target) {
  check_extent("an image", image);
  if (mode == ResizeMode::kNone) return {image, image, image, 0, 0};
  if (image.depth > 1)
    throw std::invalid_argument(
        "[resize] of volumes; \"none\" is allowed (`runner prepare --spacing` resamples)");
  check_extent("a target", target);
  if (mode == ResizeMode::kStretch) return {image, target, target, 0, 0};
  const auto centred = [&](const Extent& scaled) {
    return Placement{image, target, scaled, half_down(target.height - scaled.height),
                     half_down(target.width - scaled.width)};
  };
  if (mode == ResizeMode::kCrop) return centred(image);
  const double factor =
      std::min({1.0, static_cast<double>(target.height) / static_cast<double>(image.height),
                static_cast<double>(target.width) / static_cast<double>(image.width)});
  const auto shrink = [&](std::int64_t side, std::int64_t limit) {
    return std::clamp<std::int64_t>(std::llround(static_cast<double>(side) * factor), 1, limit);
  };
  return centred({shrink(image.height, target.height), shrink(image.width, target.width)});
}

torch::Tensor resize_image(const torch::Tensor& image, const Placement& placement) {
  return place_planes(image, placement, smooth(placement.original, placement.scaled), 0);
}

torch::Tensor resize_labels(const torch::Tensor& labels, const Placement& placement) {
  return place_planes(labels.unsqueeze(0), placement, cv::INTER_NEAREST_EXACT,
                      static_cast<double>(kIgnored))[0];
}

torch::Tensor restore(const torch::Tensor& probabilities, const Placement& placement) {
  const auto& [original, target, scaled, top, left] = placement;
  if (extent_of(probabilities) != target)
    throw std::invalid_argument(fmt::format("[resize] a prediction of {} x {}; {} x {} is allowed",
                                            probabilities.size(-2), probabilities.size(-1),
                                            target.height, target.width));
  const torch::Tensor own = torch::constant_pad_nd(
      probabilities,
      {-left, left + scaled.width - target.width, -top, top + scaled.height - target.height}, 0);
  return scaled == original ? own.contiguous()
                            : scale_planes(own, original, smooth(scaled, original));
}

}  // namespace medsweep::datasets
