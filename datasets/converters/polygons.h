#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace medsweep::datasets {

/// Corners of a polygon: x1, y1, x2, y2, ... in pixels, pixel i covering [i, i + 1); closed by
/// itself.
using Polygon = std::vector<double>;

inline constexpr double kFarthestCorner = 1e5;

/// Throws std::invalid_argument "[where] ..." for an odd number of values, fewer than three
/// corners, and a value that is not finite or further than kFarthestCorner from 0.
void check_polygons(const std::vector<Polygon>& polygons, std::string_view where);

/// The pixels of one or several polygons, united: [height, width] in row-major order, 0 and 1. The
/// same pixels as the COCO API's (pycocotools' frPyObjects and merge), bit for bit: corners are
/// rounded to fifths of a pixel, edges drawn on that fine grid, and a column is crossed where an
/// edge passes its middle; within one polygon the even-odd rule holds.
///
/// Throws as check_polygons, and for a size that is not positive or too large (run_lengths.h).
std::vector<std::uint8_t> fill_polygons(const std::vector<Polygon>& polygons, std::int64_t height,
                                        std::int64_t width, std::string_view where);

}  // namespace medsweep::datasets
