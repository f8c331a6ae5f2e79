#include "models/operators/roi_align_kernels.h"

#include <bit>
#include <cstring>

// Vectors as wide as the processor has, chosen at run time: a template cannot be cloned.
#if defined(__x86_64__)
#define MEDSWEEP_ROI_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define MEDSWEEP_ROI_CLONES
#endif
#define MEDSWEEP_ROI_INLINE inline __attribute__((always_inline))

namespace medsweep::models {
namespace {

constexpr std::int64_t kRoiLanes = 16;
using RoiFloats = float __attribute__((vector_size(kRoiLanes * 4)));
using RoiWords = std::uint32_t __attribute__((vector_size(kRoiLanes * 4)));
using RoiHalves = std::uint16_t __attribute__((vector_size(kRoiLanes * 2)));

MEDSWEEP_ROI_INLINE void load_lanes(const float* in, RoiFloats& out) {
  std::memcpy(&out, in, sizeof out);
}

MEDSWEEP_ROI_INLINE void load_lanes(const std::uint16_t* in, RoiFloats& out) {
  RoiHalves halves;
  std::memcpy(&halves, in, sizeof halves);
  const RoiWords words = __builtin_convertvector(halves, RoiWords) << 16;
  std::memcpy(&out, &words, sizeof out);
}

MEDSWEEP_ROI_INLINE void store_lanes(const RoiFloats& value, float* out) {
  std::memcpy(out, &value, sizeof value);
}

// To the nearest bfloat16, ties to even; not a number stays so.
MEDSWEEP_ROI_INLINE void store_lanes(const RoiFloats& value, std::uint16_t* out) {
  RoiWords words;
  std::memcpy(&words, &value, sizeof words);
  const RoiWords rounded = (words + 0x7FFFU + ((words >> 16) & 1U)) >> 16;
  const RoiWords invalid = (words & 0x7FFFFFFFU) > 0x7F800000U;
  const RoiWords chosen = (invalid & 0x7FC0U) | (~invalid & rounded);
  const RoiHalves halves = __builtin_convertvector(chosen, RoiHalves);
  std::memcpy(out, &halves, sizeof halves);
}

MEDSWEEP_ROI_INLINE float load_one(const float* in) { return *in; }

MEDSWEEP_ROI_INLINE float load_one(const std::uint16_t* in) {
  return std::bit_cast<float>(std::uint32_t{*in} << 16);
}

MEDSWEEP_ROI_INLINE void store_one(float value, float* out) { *out = value; }

MEDSWEEP_ROI_INLINE void store_one(float value, std::uint16_t* out) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  *out = static_cast<std::uint16_t>(value != value ? 0x7FC0U : rounded);
}

/// The taps of one bin.
struct BinTaps {
  const std::int32_t* rows;
  const std::int32_t* columns;
  const float* row_weights;
  const float* column_weights;
  std::int32_t row_count, column_count;
};

MEDSWEEP_ROI_INLINE BinTaps taps_of(const RoiTaps& taps, std::size_t row, std::size_t column) {
  const std::int32_t y = taps.rows.first[row], x = taps.columns.first[column];
  return {taps.rows.positions.data() + y, taps.columns.positions.data() + x,
          taps.rows.weights.data() + y,   taps.columns.weights.data() + x,
          taps.rows.first[row + 1] - y,   taps.columns.first[column + 1] - x};
}

// Sums of kVectors * kRoiLanes channels stay in registers over all taps of the bin.
template <int kVectors, typename T>
MEDSWEEP_ROI_INLINE void pool_lanes(const T* image, const RoiMap& map, const BinTaps& bin, T* out) {
  RoiFloats sums[kVectors] = {};
  for (std::int32_t y = 0; y < bin.row_count; ++y) {
    const T* const row = image + bin.rows[y] * map.width * map.channels;
    for (std::int32_t x = 0; x < bin.column_count; ++x) {
      const T* const pixel = row + bin.columns[x] * map.channels;
      const float weight = bin.row_weights[y] * bin.column_weights[x];
#pragma GCC unroll 8
      for (int k = 0; k < kVectors; ++k) {
        RoiFloats values;
        load_lanes(pixel + k * kRoiLanes, values);
        sums[k] += values * weight;
      }
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < kVectors; ++k) store_lanes(sums[k], out + k * kRoiLanes);
}

template <typename T>
MEDSWEEP_ROI_INLINE void pool_channel(const T* image, const RoiMap& map, const BinTaps& bin,
                                      T* out) {
  float sum = 0;
  for (std::int32_t y = 0; y < bin.row_count; ++y)
    for (std::int32_t x = 0; x < bin.column_count; ++x)
      sum += load_one(image + (bin.rows[y] * map.width + bin.columns[x]) * map.channels) *
             (bin.row_weights[y] * bin.column_weights[x]);
  store_one(sum, out);
}

template <typename T>
MEDSWEEP_ROI_INLINE void pool(const T* image, const RoiMap& map, const RoiTaps& taps, T* bins) {
  const std::size_t rows = taps.rows.first.size() - 1, columns = taps.columns.first.size() - 1;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column, bins += map.bin_stride) {
      const BinTaps bin = taps_of(taps, row, column);
      std::int64_t c = map.first;
      for (; c + 4 * kRoiLanes <= map.last; c += 4 * kRoiLanes)
        pool_lanes<4>(image + c, map, bin, bins + c);
      for (; c + kRoiLanes <= map.last; c += kRoiLanes)
        pool_lanes<1>(image + c, map, bin, bins + c);
      for (; c < map.last; ++c) pool_channel(image + c, map, bin, bins + c);
    }
}

template <int kVectors, typename T>
MEDSWEEP_ROI_INLINE void spread_lanes(const T* in, const RoiMap& map, const BinTaps& bin,
                                      float* image) {
  RoiFloats values[kVectors];
#pragma GCC unroll 8
  for (int k = 0; k < kVectors; ++k) load_lanes(in + k * kRoiLanes, values[k]);
  for (std::int32_t y = 0; y < bin.row_count; ++y) {
    float* const row = image + bin.rows[y] * map.width * map.channels;
    for (std::int32_t x = 0; x < bin.column_count; ++x) {
      float* const pixel = row + bin.columns[x] * map.channels;
      const float weight = bin.row_weights[y] * bin.column_weights[x];
#pragma GCC unroll 8
      for (int k = 0; k < kVectors; ++k) {
        RoiFloats sum;
        load_lanes(pixel + k * kRoiLanes, sum);
        sum += values[k] * weight;
        store_lanes(sum, pixel + k * kRoiLanes);
      }
    }
  }
}

template <typename T>
MEDSWEEP_ROI_INLINE void spread_channel(const T* in, const RoiMap& map, const BinTaps& bin,
                                        float* image) {
  const float value = load_one(in);
  for (std::int32_t y = 0; y < bin.row_count; ++y)
    for (std::int32_t x = 0; x < bin.column_count; ++x)
      image[(bin.rows[y] * map.width + bin.columns[x]) * map.channels] +=
          value * (bin.row_weights[y] * bin.column_weights[x]);
}

template <typename T>
MEDSWEEP_ROI_INLINE void spread(const T* bins, const RoiMap& map, const RoiTaps& taps,
                                float* image) {
  const std::size_t rows = taps.rows.first.size() - 1, columns = taps.columns.first.size() - 1;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column, bins += map.bin_stride) {
      const BinTaps bin = taps_of(taps, row, column);
      std::int64_t c = map.first;
      for (; c + 4 * kRoiLanes <= map.last; c += 4 * kRoiLanes)
        spread_lanes<4>(bins + c, map, bin, image + c);
      for (; c + kRoiLanes <= map.last; c += kRoiLanes)
        spread_lanes<1>(bins + c, map, bin, image + c);
      for (; c < map.last; ++c) spread_channel(bins + c, map, bin, image + c);
    }
}

}  // namespace

MEDSWEEP_ROI_CLONES void pool_box(const float* image, const RoiMap& map, const RoiTaps& taps,
                                  float* bins) {
  pool(image, map, taps, bins);
}

MEDSWEEP_ROI_CLONES void pool_box(const std::uint16_t* image, const RoiMap& map,
                                  const RoiTaps& taps, std::uint16_t* bins) {
  pool(image, map, taps, bins);
}

MEDSWEEP_ROI_CLONES void spread_box(const float* bins, const RoiMap& map, const RoiTaps& taps,
                                    float* image) {
  spread(bins, map, taps, image);
}

MEDSWEEP_ROI_CLONES void spread_box(const std::uint16_t* bins, const RoiMap& map,
                                    const RoiTaps& taps, float* image) {
  spread(bins, map, taps, image);
}

}  // namespace medsweep::models
