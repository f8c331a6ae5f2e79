#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace medsweep::models {

inline constexpr std::int64_t kNmsLanes = 16;

/// x1, y1, x2, y2, area.
using NmsBox = std::array<float, 5>;

/// Boxes by column; all columns and `dead` have a multiple of kNmsLanes entries, filled up with
/// boxes that are not a number.
struct NmsBoxes {
  std::array<std::vector<float>, 5> columns;
  std::vector<std::int32_t> dead;  ///< 0, or -1 of a suppressed box
};

/// Marks the boxes of the tiles first ... last - 1 (kNmsLanes boxes each) whose intersection over
/// union with any of the `count` boxes `kept` is above `threshold` (at least 0).
void suppress_tiles(NmsBoxes& boxes, std::int64_t first, std::int64_t last, const NmsBox* kept,
                    std::int64_t count, float threshold);

}  // namespace medsweep::models
