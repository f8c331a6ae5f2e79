#include "models/operators/roi_align_cpu.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "models/operators/roi_align_kernels.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kChannelBlock = 64;
constexpr std::int64_t kTilePadding = 16;  // else the bins of a channel fall into the same lines
constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

void check_roi_options(const RoiAlignOptions& options) {
  if (options.height < 1 || options.width < 1 || options.sampling_ratio < 0 ||
      !std::isfinite(options.scale) || options.scale <= 0)
    throw std::invalid_argument(
        fmt::format("[roi_align] {}x{} bins, scale {}, sampling ratio {}; at least 1x1, a scale "
                    "above 0 and a ratio of at least 0 are allowed",
                    options.height, options.width, options.scale, options.sampling_ratio));
}

void check_roi_inputs(const torch::Tensor& maps, const torch::Tensor& rois, std::int64_t images) {
  const auto type = maps.scalar_type();
  if (maps.dim() != 4 || (type != torch::kFloat && type != torch::kBFloat16))
    throw std::invalid_argument(
        fmt::format("[roi_align] features of {} dimensions, type {}; [N, C, H, W] of float32 or "
                    "bfloat16 are allowed",
                    maps.dim(), c10::toString(type)));
  if (rois.dim() != 2 || rois.size(1) != 5 || rois.scalar_type() != torch::kFloat)
    throw std::invalid_argument(
        fmt::format("[roi_align] boxes of type {} and {} dimensions; [R, 5] of float32 are allowed",
                    c10::toString(rois.scalar_type()), rois.dim()));
  const float* const boxes = rois.const_data_ptr<float>();
  for (std::int64_t i = 0; i < rois.size(0); ++i)
    if (!(boxes[5 * i] >= 0 && boxes[5 * i] < static_cast<float>(images)))
      throw std::invalid_argument(
          fmt::format("[roi_align] box {} is of image {}; there are {}, counted from 0", i,
                      boxes[5 * i], images));
}

/// The features or their gradient, channels-last, the boxes and their bins, in either layout.
template <typename Map, typename Bin>
struct RoiBuffers {
  Map* maps;
  const float* boxes;
  Bin* bins;
  std::int64_t images, channels, height, width, count;
  bool channels_last;  // the bins

  RoiBuffers(Map* features, const torch::Tensor& maps_tensor, const torch::Tensor& rois, Bin* all,
             const torch::Tensor& bins_tensor)
      : maps(features),
        boxes(rois.const_data_ptr<float>()),
        bins(all),
        images(maps_tensor.size(0)),
        channels(maps_tensor.size(1)),
        height(maps_tensor.size(2)),
        width(maps_tensor.size(3)),
        count(rois.size(0)),
        channels_last(bins_tensor.is_contiguous(kChannelsLast)) {}

  std::int64_t image_of(std::int64_t box) const {
    return static_cast<std::int64_t>(boxes[5 * box]);
  }
  Map* map_of(std::int64_t image) const { return maps + image * height * width * channels; }
};

template <typename T>
void pool_boxes(const RoiBuffers<const T, T>& buffers, const RoiAlignOptions& options) {
  const std::int64_t channels = buffers.channels, bins = options.height * options.width;
  at::parallel_for(0, buffers.count, 4, [&](std::int64_t first, std::int64_t last) {
    RoiTaps taps;
    const std::int64_t stride = buffers.channels_last ? channels : channels + kTilePadding;
    const RoiMap map{buffers.width, channels, 0, channels, stride};
    std::vector<T> tile(static_cast<std::size_t>(buffers.channels_last ? 0 : bins * stride));
    for (std::int64_t i = first; i < last; ++i) {
      find_taps(buffers.boxes + 5 * i, options, buffers.height, buffers.width, taps);
      T* const out = buffers.bins + i * bins * channels;
      T* const pooled = buffers.channels_last ? out : tile.data();
      pool_box(buffers.map_of(buffers.image_of(i)), map, taps, pooled);
      if (!buffers.channels_last) transpose_tile(pooled, {bins, channels, stride, bins}, out);
    }
  });
}

/// The boxes of each image, in their order.
std::vector<std::vector<std::int64_t>> boxes_of_images(const float* boxes, std::int64_t count,
                                                       std::int64_t images) {
  std::vector<std::vector<std::int64_t>> lists(static_cast<std::size_t>(images));
  for (std::int64_t i = 0; i < count; ++i)
    lists[static_cast<std::size_t>(boxes[5 * i])].push_back(i);
  return lists;
}

// Adds the gradients of `boxes`, all of one image, to channels first ... last - 1 of it.
template <typename T>
void spread_boxes_of_block(const RoiBuffers<float, const T>& buffers,
                           const RoiAlignOptions& options, const std::vector<std::int64_t>& boxes,
                           std::int64_t first, std::int64_t last) {
  const std::int64_t channels = buffers.channels, bins = options.height * options.width;
  const std::int64_t width = last - first, tile_stride = width + kTilePadding;
  const std::int64_t stride = buffers.channels_last ? channels : tile_stride;
  const RoiMap map{buffers.width, channels, 0, width, stride};
  std::vector<T> tile(static_cast<std::size_t>(buffers.channels_last ? 0 : bins * tile_stride));
  RoiTaps taps;
  for (const std::int64_t i : boxes) {
    find_taps(buffers.boxes + 5 * i, options, buffers.height, buffers.width, taps);
    const T* in = buffers.bins + i * bins * channels;
    if (buffers.channels_last) {
      in += first;
    } else {
      transpose_tile(in + first * bins, {width, bins, bins, tile_stride}, tile.data());
      in = tile.data();
    }
    spread_box(in, map, taps, buffers.map_of(buffers.image_of(i)) + first);
  }
}

// A task is a block of channels of one image, which no other task writes; its boxes come in their
// order whatever the number of threads.
template <typename T>
void spread_boxes(const RoiBuffers<float, const T>& buffers, const RoiAlignOptions& options) {
  const std::int64_t channels = buffers.channels, images = buffers.images;
  const std::int64_t blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  const auto lists = boxes_of_images(buffers.boxes, buffers.count, images);
  at::parallel_for(0, images * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t first = task / images * kChannelBlock;
      spread_boxes_of_block(buffers, options, lists[static_cast<std::size_t>(task % images)], first,
                            std::min(first + kChannelBlock, channels));
    }
  });
}

template <typename T>
void pool_typed(const torch::Tensor& maps, const torch::Tensor& rois,
                const RoiAlignOptions& options, torch::Tensor& out) {
  const auto* const in = static_cast<const T*>(maps.const_data_ptr());
  pool_boxes<T>({in, maps, rois, static_cast<T*>(out.mutable_data_ptr()), out}, options);
}

template <typename T>
void spread_typed(const torch::Tensor& bins, const torch::Tensor& rois,
                  const RoiAlignOptions& options, torch::Tensor& out) {
  const auto* const in = static_cast<const T*>(bins.const_data_ptr());
  spread_boxes<T>({out.mutable_data_ptr<float>(), out, rois, in, bins}, options);
}

}  // namespace

torch::Tensor roi_align_cpu(const torch::Tensor& features, const torch::Tensor& boxes, double scale,
                            std::int64_t height, std::int64_t width, std::int64_t sampling_ratio,
                            bool aligned, std::optional<at::MemoryFormat> format) {
  const RoiCorner corner = aligned ? RoiCorner::kCentre : RoiCorner::kEdge;
  const RoiAlignOptions options{height, width, scale, sampling_ratio, corner};
  const torch::Tensor rois = boxes.contiguous();
  check_roi_options(options);
  check_roi_inputs(features, rois, features.dim() == 4 ? features.size(0) : 0);
  const torch::Tensor maps = features.contiguous(kChannelsLast);
  torch::Tensor out =
      torch::empty({rois.size(0), maps.size(1), height, width},
                   maps.options().memory_format(format.value_or(features.suggest_memory_format())));
  if (maps.scalar_type() == torch::kFloat)
    pool_typed<float>(maps, rois, options, out);
  else
    pool_typed<std::uint16_t>(maps, rois, options, out);
  return out;
}

torch::Tensor roi_align_backward_cpu(const torch::Tensor& gradient, const torch::Tensor& boxes,
                                     at::IntArrayRef sizes, double scale,
                                     std::int64_t sampling_ratio, bool aligned) {
  const torch::Tensor rois = boxes.contiguous();
  if (sizes.size() != 4)
    throw std::invalid_argument(fmt::format(
        "[roi_align_backward] {} sizes; the 4 of the features are allowed", sizes.size()));
  check_roi_inputs(gradient, rois, sizes[0]);
  const RoiCorner corner = aligned ? RoiCorner::kCentre : RoiCorner::kEdge;
  const RoiAlignOptions options{gradient.size(2), gradient.size(3), scale, sampling_ratio, corner};
  const torch::Tensor bins = gradient.contiguous(gradient.suggest_memory_format());
  torch::Tensor out =
      torch::empty(sizes, gradient.options().dtype(torch::kFloat).memory_format(kChannelsLast));
  out.zero_();
  if (gradient.scalar_type() == torch::kFloat)
    spread_typed<float>(bins, rois, options, out);
  else
    spread_typed<std::uint16_t>(bins, rois, options, out);
  return out.to(gradient.scalar_type());
}

}  // namespace medsweep::models
