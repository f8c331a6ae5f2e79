#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>

#include "models/precision.h"

namespace medsweep::models {

/// What a coordinate of 0 means in a feature map.
enum class RoiCorner {
  kEdge,    ///< the centre of the first pixel, a box being at least one pixel wide (aligned=False)
  kCentre,  ///< the outer edge of the first pixel, whose centre is at 0.5 (aligned=True)
};

struct RoiAlignOptions {
  std::int64_t height = 7;
  std::int64_t width = 7;  ///< bins of a box
  double scale = 1;        ///< pixels of the feature map to a pixel of the boxes
  /// Samples of a bin along each axis. 0: as many as the bin has pixels, rounded up.
  std::int64_t sampling_ratio = 2;
  RoiCorner corner = RoiCorner::kEdge;
  /// Of the result; as the features lie where not said. kContiguous for a linear layer.
  std::optional<MemoryLayout> layout{};
};

/// RoIAlign (He et al. 2017, arXiv 1703.06870): each box is divided into height x width bins; a bin
/// is the mean of bilinear samples. Samples more than a pixel outside the map count as zero.
///
/// features: [N, C, H, W] float32 or bfloat16, any layout, fastest channels-last; sums are float32.
/// rois: [R, 5] float32, each (image index, x1, y1, x2, y2); a box that is not finite gives zeros.
/// Returns [R, C, height, width] of the features' type, differentiable in `features`; their
/// gradient is channels-last. Results do not depend on the number of threads.
///
/// The operators are medsweep::roi_align and medsweep::roi_align_backward of torch's dispatcher;
/// under autocast the features keep their type. Throws std::invalid_argument for other shapes,
/// types or options and for an image index that is not in 0 ... N - 1.
torch::Tensor roi_align(const torch::Tensor& features, const torch::Tensor& rois,
                        const RoiAlignOptions& options);

}  // namespace medsweep::models
