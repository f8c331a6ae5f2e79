#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runner/metrics/detection/detection_case.h"

namespace medsweep::runner {

/// Detections against objects: the intersection over the union; in the column of a crowd over the
/// detection's own area, as COCO has it. 0 where nothing overlaps.
struct OverlapMatrix {
  std::size_t columns = 0;
  std::vector<double> values{};  ///< [detections, objects], row-major
  double at(std::size_t detection, std::size_t object) const {
    return values[detection * columns + object];
  }
};

/// What was found against what is there, by one kind of region.
struct RegionOverlap {
  OverlapMatrix iou{};
  std::vector<double> found_areas{};   ///< pixels
  std::vector<double> object_areas{};  ///< of the masks where the truth has masks, else of the
                                       ///< boxes, as COCO's annotations
};

/// One class of one image. Detections are in the order of falling scores, equal scores as given;
/// objects as given.
struct ClassOverlap {
  std::vector<float> scores{};
  std::vector<std::uint8_t> ignore{};  ///< of the objects: 1 is a crowd
  RegionOverlap boxes{};
  std::optional<RegionOverlap> masks{};  ///< none where a side has no masks

  /// The masks, where they are known, else the boxes.
  const RegionOverlap& best_known() const { return masks ? *masks : boxes; }
};

/// Of a checked case; label: 1...K.
ClassOverlap overlap_of_class(const DetectionCase& ready, std::int64_t label);

/// boxes: [n, 4] and [m, 4] float32, contiguous, on the host; in double precision throughout.
OverlapMatrix overlap_of_boxes(const torch::Tensor& found, const torch::Tensor& objects,
                               const std::vector<std::uint8_t>& ignore);

/// Rows of a tensor [n, ...] by falling score, equal scores in their order.
std::vector<std::int64_t> by_falling_score(const torch::Tensor& scores);

}  // namespace medsweep::runner
