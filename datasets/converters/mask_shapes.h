#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace medsweep::datasets {

/// A 4-connected part of a mask.
struct MaskComponent {
  torch::Tensor mask;           ///< [H, W] uint8, 0 or 1
  std::int64_t area = 0;        ///< pixels
  std::int64_t x1 = 0, y1 = 0;  ///< its box: pixels [x1, x2) x [y1, y2)
  std::int64_t x2 = 0, y2 = 0;
  double centre_x = 0, centre_y = 0;  ///< mean of its pixels' coordinates
};

/// The largest `most` components of a mask [H, W] uint8 (anything but 0 is inside), largest first;
/// of equal ones the one that begins further up (then further left).
std::vector<MaskComponent> largest_components(const torch::Tensor& mask, std::int64_t most);

/// [H, W] uint8 of 0 and 1: with the background filled that has no 4-connected way to the border,
/// as SciPy's binary_fill_holes does.
torch::Tensor fill_holes(const torch::Tensor& mask);

}  // namespace medsweep::datasets
