#pragma once

#include <opencv2/core.hpp>

#include "datasets/picture.h"

namespace medsweep::datasets {

/// Draws the tile's image, stretched and overlaid, into the middle of `canvas` (8 bits, RGB), as
/// large as its aspect allows.
void draw_tile(const SheetTile& tile, cv::Mat canvas);

/// class_color for OpenCV on an RGB canvas.
cv::Scalar class_scalar(std::int64_t label);

}  // namespace medsweep::datasets
