#pragma once

#include <cstdint>

#include "models/operators/roi_taps.h"

namespace medsweep::models {

/// A stretch of one image of a feature map, channels-last.
struct RoiMap {
  std::int64_t width;     ///< of the image in pixels
  std::int64_t channels;  ///< from one pixel to the next
  std::int64_t first;     ///< channels first ... last - 1 are worked on
  std::int64_t last;
  std::int64_t bin_stride;  ///< from one bin to the next
};

/// bins[b] = sum over the taps of bin b of weight * image[tap], for the channels of `map`.
/// bins: [rows, columns, channels], bin_stride apart. bfloat16 as std::uint16_t.
void pool_box(const float* image, const RoiMap& map, const RoiTaps& taps, float* bins);
void pool_box(const std::uint16_t* image, const RoiMap& map, const RoiTaps& taps,
              std::uint16_t* bins);

/// The transpose: image[tap] += weight * bins[b].
void spread_box(const float* bins, const RoiMap& map, const RoiTaps& taps, float* image);
void spread_box(const std::uint16_t* bins, const RoiMap& map, const RoiTaps& taps, float* image);

/// out[column * out_stride + row] = in[row * in_stride + column].
struct TileShape {
  std::int64_t rows, columns, in_stride, out_stride;
};
void transpose_tile(const float* in, const TileShape& shape, float* out);
void transpose_tile(const std::uint16_t* in, const TileShape& shape, std::uint16_t* out);

}  // namespace medsweep::models
