#include "models/operators/nms_kernels.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#define MEDSWEEP_NMS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define MEDSWEEP_NMS_CLONES
#endif

namespace medsweep::models {
namespace {

using NmsFloats = float __attribute__((vector_size(kNmsLanes * 4)));
using NmsWords = std::int32_t __attribute__((vector_size(kNmsLanes * 4)));

constexpr std::int64_t kNmsStretch = 32;  // kept boxes between two looks at what is suppressed

struct NmsTile {
  NmsFloats x1, y1, x2, y2, area;
};

// Intersection and union as torchvision rounds them.
inline __attribute__((always_inline)) void overlap(const NmsTile& tile, const NmsBox& box,
                                                   NmsFloats& inner, NmsFloats& outer) {
  const NmsFloats zero = {};
  const NmsFloats x1 = zero + box[0], y1 = zero + box[1], x2 = zero + box[2], y2 = zero + box[3];
  const NmsFloats left = tile.x1 > x1 ? tile.x1 : x1, top = tile.y1 > y1 ? tile.y1 : y1;
  const NmsFloats right = tile.x2 < x2 ? tile.x2 : x2, bottom = tile.y2 < y2 ? tile.y2 : y2;
  const NmsFloats width = right - left, height = bottom - top;
  inner = (width > zero ? width : zero) * (height > zero ? height : zero);
  outer = (tile.area + box[4]) - inner;
}

inline __attribute__((always_inline)) bool any_lane(const NmsWords& words) {
  std::int64_t parts[kNmsLanes / 2];
  std::memcpy(parts, &words, sizeof parts);
  std::int64_t all = 0;
  for (const std::int64_t part : parts) all |= part;
  return all != 0;
}

// inner / outer > threshold, rounded or not, implies inner > threshold * outer and, as rounding
// keeps order, inner >= the rounded product. So only where that holds the division has to decide.
inline __attribute__((always_inline)) void suppress_tile(const NmsTile& tile, const NmsBox* kept,
                                                         std::int64_t count, float threshold,
                                                         NmsWords& dead) {
  NmsWords possible = {};
  NmsFloats inner, outer;
  for (std::int64_t i = 0; i < count; ++i) {
    overlap(tile, kept[i], inner, outer);
    possible |= inner >= outer * threshold;
  }
  if (!any_lane(possible & ~dead)) return;
  for (std::int64_t i = 0; i < count; ++i) {
    overlap(tile, kept[i], inner, outer);
    dead |= inner / outer > threshold;
  }
}

}  // namespace

MEDSWEEP_NMS_CLONES void suppress_tiles(NmsBoxes& boxes, std::int64_t first, std::int64_t last,
                                        const NmsBox* kept, std::int64_t count, float threshold) {
  for (std::int64_t number = first; number < last; ++number) {
    const std::int64_t at = number * kNmsLanes;
    NmsTile tile;
    NmsWords dead;
    std::memcpy(&tile.x1, boxes.columns[0].data() + at, sizeof tile.x1);
    std::memcpy(&tile.y1, boxes.columns[1].data() + at, sizeof tile.y1);
    std::memcpy(&tile.x2, boxes.columns[2].data() + at, sizeof tile.x2);
    std::memcpy(&tile.y2, boxes.columns[3].data() + at, sizeof tile.y2);
    std::memcpy(&tile.area, boxes.columns[4].data() + at, sizeof tile.area);
    std::memcpy(&dead, boxes.dead.data() + at, sizeof dead);
    if (!any_lane(~dead)) continue;
    for (std::int64_t i = 0; i < count; i += kNmsStretch)
      suppress_tile(tile, kept + i, std::min(kNmsStretch, count - i), threshold, dead);
    std::memcpy(boxes.dead.data() + at, &dead, sizeof dead);
  }
}

}  // namespace medsweep::models
