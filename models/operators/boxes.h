#pragma once

#include <torch/types.h>

#include <array>

#include "datasets/batch.h"

namespace medsweep::models {

// Boxes are (x1, y1, x2, y2) in pixels, float32. All throw std::invalid_argument for other shapes
// and types.

/// A box relative to an anchor: (dx, dy, dw, dh), the offset of the centre in sizes of the anchor
/// and the logarithm of the ratio of sizes (Girshick et al. 2014, arXiv 1311.2524, appendix C),
/// each times its weight.
struct BoxCoder {
  std::array<double, 4> weights{1, 1, 1, 1};

  /// boxes, anchors: [n, 4], of positive sizes -> deltas [n, 4].
  torch::Tensor encode(const torch::Tensor& boxes, const torch::Tensor& anchors) const;

  /// deltas: [n, 4 K] relative to anchors [n, 4] -> boxes [n, 4 K]. dw and dh (divided by their
  /// weights) are at most log(1000 / 16). Differentiable.
  torch::Tensor decode(const torch::Tensor& deltas, const torch::Tensor& anchors) const;
};

/// boxes: [n, 4 K], moved into 0 ... width and 0 ... height.
torch::Tensor clip_boxes(const torch::Tensor& boxes, const datasets::Extent& image);

/// [n, 4] -> [n]; negative for a box of one negative side.
torch::Tensor box_area(const torch::Tensor& boxes);

/// a: [n, 4], b: [m, 4] -> [n, m], intersection over union; 0 where the union is empty.
torch::Tensor box_iou(const torch::Tensor& a, const torch::Tensor& b);

/// a: [n, H, W] and b: [m, H, W] uint8, not 0 inside -> [n, m] float64, exact: intersection over
/// union, or over the area of a where ignore [m] uint8 says that b is a crowd; 0 where nothing
/// intersects.
torch::Tensor mask_iou(const torch::Tensor& a, const torch::Tensor& b,
                       const torch::Tensor& ignore = {});

}  // namespace medsweep::models
