#pragma once

#include <torch/types.h>

#include <vector>

#include "datasets/batch.h"
#include "models/mask_rcnn/options.h"

namespace medsweep::models {

/// What the backbone gets.
struct RcnnInput {
  torch::Tensor images;                 ///< [N, C, H, W] float32, zero beyond each image
  std::vector<datasets::Extent> sizes;  ///< N, of the images within
  datasets::Extent extent() const { return {images.size(2), images.size(3)}; }
};

/// Whether several min_sizes are drawn from (training) or the last is taken.
enum class RcnnPhase { kTraining, kPrediction };

/// Images of a batch, brought to value range and size: (value - mean) / deviation per channel,
/// bilinear resize to floor(side * scale), zeros at the bottom and right up to a multiple.
class RcnnImageTransform {
 public:
  /// Throws std::invalid_argument where check_options would.
  explicit RcnnImageTransform(const MaskRcnnOptions& options);
  /// Throws std::invalid_argument for another number of channels.
  RcnnInput forward(const datasets::Batch& batch, RcnnPhase phase) const;
  /// The size that an image gets.
  datasets::Extent resized(const datasets::Extent& size, std::int64_t min_size) const;

 private:
  std::vector<datasets::Extent> sizes_of(const datasets::Batch& batch, RcnnPhase phase) const;

  RcnnImageOptions options_;
  std::int64_t channels_;
  torch::Tensor mean_, deviation_;  // [C, 1, 1]
  MemoryLayout layout_;
};

/// Boxes [n, 4] of an image of size `from` in that image resized to `to`.
torch::Tensor resize_boxes(const torch::Tensor& boxes, const datasets::Extent& from,
                           const datasets::Extent& to);

}  // namespace medsweep::models
