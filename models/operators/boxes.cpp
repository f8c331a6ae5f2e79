#include "models/operators/boxes.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <bit>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace medsweep::models {
namespace {

const double kLargestLogRatio = std::log(1000.0 / 16);

void check_boxes(std::string_view where, const torch::Tensor& boxes, bool several = false) {
  const bool fits = boxes.dim() == 2 && boxes.is_floating_point() &&
                    (several ? boxes.size(1) % 4 == 0 : boxes.size(1) == 4);
  if (!fits)
    throw std::invalid_argument(
        fmt::format("[{}] boxes of {} dimensions, {} to a row, type {}; [n, {}] of float32 are "
                    "allowed",
                    where, boxes.dim(), boxes.dim() > 1 ? boxes.size(1) : 0,
                    c10::toString(boxes.scalar_type()), several ? "4 K" : "4"));
}

void check_same_count(std::string_view where, const torch::Tensor& boxes,
                      const torch::Tensor& anchors) {
  if (boxes.size(0) != anchors.size(0))
    throw std::invalid_argument(fmt::format("[{}] {} boxes for {} anchors; one each is allowed",
                                            where, boxes.size(0), anchors.size(0)));
}

torch::Tensor column(const torch::Tensor& boxes, std::int64_t i) { return boxes.select(1, i); }

/// Sizes and centres, [n, 1] each.
struct CentredBoxes {
  torch::Tensor width, height, x, y;
  explicit CentredBoxes(const torch::Tensor& boxes) {
    const std::vector<torch::Tensor> sides = boxes.split(1, 1);
    width = sides[2] - sides[0];
    height = sides[3] - sides[1];
    x = sides[0] + 0.5 * width;
    y = sides[1] + 0.5 * height;
  }
};

/// A mask a row, a pixel a bit.
struct PackedMasks {
  std::int64_t words = 0;
  std::vector<std::uint64_t> bits;
  std::vector<std::int64_t> areas;

  const std::uint64_t* row(std::int64_t i) const { return bits.data() + i * words; }
};

PackedMasks pack(const torch::Tensor& masks) {
  const torch::Tensor whole = masks.contiguous();
  const std::int64_t count = masks.size(0), pixels = masks.size(1) * masks.size(2);
  PackedMasks packed;
  packed.words = (pixels + 63) / 64;
  packed.bits.resize(static_cast<std::size_t>(count * packed.words));
  packed.areas.resize(static_cast<std::size_t>(count));
  const std::uint8_t* const in = whole.const_data_ptr<std::uint8_t>();
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      std::int64_t area = 0;
      for (std::int64_t word = 0; word < packed.words; ++word) {
        const std::int64_t from = word * 64, to = std::min(from + 64, pixels);
        std::uint64_t bits = 0;
        for (std::int64_t pixel = from; pixel < to; ++pixel)
          bits |= std::uint64_t{in[i * pixels + pixel] != 0} << (pixel - from);
        packed.bits[static_cast<std::size_t>(i * packed.words + word)] = bits;
        area += std::popcount(bits);
      }
      packed.areas[static_cast<std::size_t>(i)] = area;
    }
  });
  return packed;
}

std::int64_t common_pixels(const std::uint64_t* a, const std::uint64_t* b, std::int64_t words) {
  std::int64_t common = 0;
  for (std::int64_t i = 0; i < words; ++i) common += std::popcount(a[i] & b[i]);
  return common;
}

void check_masks(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& ignore) {
  for (const torch::Tensor& masks : {a, b})
    if (masks.dim() != 3 || masks.scalar_type() != torch::kByte)
      throw std::invalid_argument(
          fmt::format("[mask_iou] masks of {} dimensions, type {}; [n, H, W] of uint8 are allowed",
                      masks.dim(), c10::toString(masks.scalar_type())));
  if (a.size(1) != b.size(1) || a.size(2) != b.size(2))
    throw std::invalid_argument(
        fmt::format("[mask_iou] masks of {}x{} and {}x{}; one size is "
                    "allowed",
                    a.size(1), a.size(2), b.size(1), b.size(2)));
  if (ignore.defined() &&
      (ignore.dim() != 1 || ignore.size(0) != b.size(0) || ignore.scalar_type() != torch::kByte))
    throw std::invalid_argument(
        fmt::format("[mask_iou] {} crowd marks of type {} for {} masks; a uint8 for each is "
                    "allowed",
                    ignore.numel(), c10::toString(ignore.scalar_type()), b.size(0)));
}

}  // namespace

torch::Tensor BoxCoder::encode(const torch::Tensor& boxes, const torch::Tensor& anchors) const {
  check_boxes("BoxCoder::encode", boxes);
  check_boxes("BoxCoder::encode", anchors);
  check_same_count("BoxCoder::encode", boxes, anchors);
  const CentredBoxes to(boxes), from(anchors);
  return torch::cat(
      {weights[0] * (to.x - from.x) / from.width, weights[1] * (to.y - from.y) / from.height,
       weights[2] * (to.width / from.width).log(), weights[3] * (to.height / from.height).log()},
      1);
}

torch::Tensor BoxCoder::decode(const torch::Tensor& deltas, const torch::Tensor& anchors) const {
  check_boxes("BoxCoder::decode", deltas, true);
  check_boxes("BoxCoder::decode", anchors);
  check_same_count("BoxCoder::decode", deltas, anchors);
  const CentredBoxes from(anchors);
  const torch::Tensor all = deltas.reshape({deltas.size(0), deltas.size(1) / 4, 4});
  const auto delta = [&](std::size_t k) {
    return all.select(2, static_cast<std::int64_t>(k)) / weights[k];
  };
  const torch::Tensor x = delta(0) * from.width + from.x, y = delta(1) * from.height + from.y;
  const torch::Tensor half_width = 0.5 * (delta(2).clamp_max(kLargestLogRatio).exp() * from.width);
  const torch::Tensor half_height =
      0.5 * (delta(3).clamp_max(kLargestLogRatio).exp() * from.height);
  return torch::stack({x - half_width, y - half_height, x + half_width, y + half_height}, 2)
      .flatten(1);
}

torch::Tensor clip_boxes(const torch::Tensor& boxes, const datasets::Extent& image) {
  check_boxes("clip_boxes", boxes, true);
  const torch::Tensor all = boxes.reshape({boxes.size(0), boxes.size(1) / 4, 2, 2});
  return torch::stack(
             {all.select(3, 0).clamp(0, image.width), all.select(3, 1).clamp(0, image.height)}, 3)
      .flatten(1);
}

torch::Tensor box_area(const torch::Tensor& boxes) {
  check_boxes("box_area", boxes);
  return (column(boxes, 2) - column(boxes, 0)) * (column(boxes, 3) - column(boxes, 1));
}

torch::Tensor box_iou(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor area_a = box_area(a), area_b = box_area(b);
  const auto side = [&](std::int64_t low) {
    const torch::Tensor from = torch::maximum(column(a, low).unsqueeze(1), column(b, low));
    const torch::Tensor to = torch::minimum(column(a, low + 2).unsqueeze(1), column(b, low + 2));
    return (to - from).clamp_min(0);
  };
  const torch::Tensor inner = side(0) * side(1);
  const torch::Tensor outer = area_a.unsqueeze(1) + area_b - inner;
  return torch::where(outer == 0, torch::zeros_like(inner), inner / outer);
}

torch::Tensor mask_iou(const torch::Tensor& a, const torch::Tensor& b,
                       const torch::Tensor& ignore) {
  check_masks(a, b, ignore);
  const PackedMasks lefts = pack(a), rights = pack(b);
  const torch::Tensor marks = ignore.defined() ? ignore.contiguous() : torch::Tensor();
  const std::uint8_t* const crowd =
      marks.defined() ? marks.const_data_ptr<std::uint8_t>() : nullptr;
  torch::Tensor result = torch::empty({a.size(0), b.size(0)}, torch::kDouble);
  double* const out = result.mutable_data_ptr<double>();
  const std::int64_t columns = b.size(0);
  at::parallel_for(0, result.numel(), 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t at = first; at < last; ++at) {
      const std::int64_t i = at / columns, j = at % columns;
      const std::int64_t common = common_pixels(lefts.row(i), rights.row(j), lefts.words);
      const std::int64_t area = lefts.areas[static_cast<std::size_t>(i)];
      const bool whole = crowd != nullptr && crowd[j] != 0;
      const std::int64_t other = whole ? common : rights.areas[static_cast<std::size_t>(j)];
      const std::int64_t outer = area + other - common;
      out[at] = common == 0 ? 0 : static_cast<double>(common) / static_cast<double>(outer);
    }
  });
  return result;
}

}  // namespace medsweep::models
