#include "datasets/converters/lung_split.h"

#include <torch/torch.h>

#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "datasets/converters/mask_shapes.h"

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kSmallestShare = 20;  // of the larger lung's pixels: a twentieth

enum class ImageSide { kLeft, kRight, kNeither };

/// The rule of the Lungs system; the last column is part of a component there.
ImageSide side_of(const MaskComponent& component, std::int64_t width) {
  const std::int64_t third = width / 3, two_thirds = width * 2 / 3, last = component.x2 - 1;
  if (component.x1 < third && last < two_thirds) return ImageSide::kLeft;
  if (component.x1 > third && last > two_thirds) return ImageSide::kRight;
  return ImageSide::kNeither;
}

/// The image's left is the patient's right.
LungSplit from_image_sides(const torch::Tensor& image_left, const torch::Tensor& image_right,
                           LungSplitBy by) {
  return {.left = fill_holes(image_right), .right = fill_holes(image_left), .by = by};
}

LungSplit split_two(const MaskComponent& first, const MaskComponent& second, std::int64_t width) {
  const ImageSide a = side_of(first, width), b = side_of(second, width);
  if (a == ImageSide::kLeft && b == ImageSide::kRight)
    return from_image_sides(first.mask, second.mask, LungSplitBy::kThirds);
  if (a == ImageSide::kRight && b == ImageSide::kLeft)
    return from_image_sides(second.mask, first.mask, LungSplitBy::kThirds);
  const bool in_order = first.centre_x < second.centre_x;
  return from_image_sides(in_order ? first.mask : second.mask, in_order ? second.mask : first.mask,
                          LungSplitBy::kCentroids);
}

/// The column of the middle third with the fewest pixels; it belongs to the image's right side.
std::int64_t thinnest_column(const torch::Tensor& mask) {
  const std::int64_t width = mask.size(1);
  const torch::Tensor areas = mask.sum(0, /*keepdim=*/false, torch::kInt64);
  const auto* const area = areas.const_data_ptr<std::int64_t>();
  std::int64_t best = width / 2;
  for (std::int64_t x = width / 3; x < width * 2 / 3; ++x) {
    const auto key = [&](std::int64_t column) {
      return std::pair(area[column], std::abs(2 * column - width));
    };
    if (key(x) < key(best)) best = x;
  }
  return best;
}

LungSplit split_one(const MaskComponent& component, std::int64_t width) {
  const torch::Tensor nothing = torch::zeros_like(component.mask);
  const ImageSide side = side_of(component, width);
  if (side == ImageSide::kLeft)
    return from_image_sides(component.mask, nothing, LungSplitBy::kOneLung);
  if (side == ImageSide::kRight)
    return from_image_sides(nothing, component.mask, LungSplitBy::kOneLung);
  const std::int64_t column = thinnest_column(component.mask);
  torch::Tensor image_left = component.mask.clone(), image_right = component.mask.clone();
  image_left.slice(1, column).zero_();
  image_right.slice(1, 0, column).zero_();
  return from_image_sides(image_left, image_right, LungSplitBy::kCut);
}

}  // namespace

LungSplit split_lungs(const torch::Tensor& mask) {
  const std::vector<MaskComponent> parts = largest_components(mask, 2);
  const torch::Tensor nothing = torch::zeros(mask.sizes(), torch::kUInt8);
  if (parts.empty()) return {.left = nothing, .right = nothing.clone()};
  if (parts.size() == 1 || parts[1].area * kSmallestShare < parts[0].area)
    return split_one(parts[0], mask.size(1));
  return split_two(parts[0], parts[1], mask.size(1));
}

const char* lung_split_text(LungSplitBy by) {
  switch (by) {
    case LungSplitBy::kThirds:
      return "two components, by the thirds of the width";
    case LungSplitBy::kCentroids:
      return "two components, by their centres";
    case LungSplitBy::kCut:
      return "one component, cut where it is thinnest";
    case LungSplitBy::kOneLung:
      return "one lung only";
    case LungSplitBy::kNothing:
      break;
  }
  return "no lung";
}

}  // namespace medsweep::datasets
