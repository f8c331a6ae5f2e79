#pragma once

#include <cstdint>
#include <vector>

#include "models/operators/roi_align.h"

namespace medsweep::models {

/// Which positions of one axis of a feature map the bins of a box read, and with which weights. A
/// sample's bilinear weights are a product of a row's and a column's, and so are their means.
struct AxisTaps {
  std::vector<std::int32_t> first;  ///< [bins + 1]: bin b has taps first[b] ... first[b + 1] - 1
  std::vector<std::int32_t> positions;  ///< 0 ... size - 1
  std::vector<float> weights;           ///< not zero; of a bin inside the map they sum to 1
};

struct RoiTaps {
  AxisTaps rows;
  AxisTaps columns;
};

/// Writes the taps of the box `roi` (image index, x1, y1, x2, y2) in a map of height x width.
void find_taps(const float* roi, const RoiAlignOptions& options, std::int64_t height,
               std::int64_t width, RoiTaps& taps);

}  // namespace medsweep::models
