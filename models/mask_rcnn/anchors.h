#pragma once

#include <torch/types.h>

#include <vector>

#include "datasets/batch.h"
#include "models/mask_rcnn/stage_options.h"

namespace medsweep::models {

/// The boxes that the region proposals start from: every size and ratio at every position of every
/// level. width = size / sqrt(ratio), height = size * sqrt(ratio), centred on the position times
/// the level's step (no half pixel), where step = input / map in whole pixels per axis.
class AnchorGenerator {
 public:
  /// Throws std::invalid_argument "4 sizes for 5 levels" when a level has no sizes of its own,
  /// when levels differ in their number of sizes, or for sizes or ratios not above 0.
  AnchorGenerator(const AnchorOptions& options, std::size_t levels);

  /// Anchors per position: sizes x ratios.
  std::int64_t per_position() const { return cells_.front().size(0); }
  /// [per_position, 4] float32 of a level: x1, y1, x2, y2 around (0, 0); ratio-major.
  const torch::Tensor& cell(std::size_t level) const { return cells_.at(level); }
  /// `maps`: height and width of each level. -> per level [height * width * per_position, 4]
  /// float32, by rows, columns, then as in cell().
  std::vector<torch::Tensor> grid(const std::vector<datasets::Extent>& maps,
                                  const datasets::Extent& input) const;

 private:
  std::vector<torch::Tensor> cells_;
};

}  // namespace medsweep::models
