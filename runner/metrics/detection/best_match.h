#pragma once

#include <optional>

#include "runner/metrics/detection/overlap.h"

namespace medsweep::runner {

/// How well the objects of one class of one image are met, each by its best detection: that of the
/// class, of a score >= minimum_score, with the largest IoU, whether or not it is the best of
/// another object too. Crowds are no objects here.
struct BestMatches {
  std::optional<double> iou{};   ///< mean over the objects; 0 for one that nothing overlaps
  std::optional<double> dice{};  ///< likewise; of one object 2 IoU / (1 + IoU)
  double worst_iou = 1;          ///< of the objects
};

/// A class without objects is undefined where nothing was found, and 0 where something was: a
/// detection of a score >= minimum_score that does not lie in a crowd with half of its area.
BestMatches best_matches(const ClassOverlap& overlap, const RegionOverlap& regions,
                         double minimum_score);

/// Detections of a score >= minimum_score that do not lie in a crowd with `share` of their area.
std::int64_t found_outside_crowds(const ClassOverlap& overlap, const RegionOverlap& regions,
                                  double minimum_score, double share = 0.5);

/// Whether a detection lies in a crowd with `share` of its area.
bool lies_in_crowd(const ClassOverlap& overlap, const RegionOverlap& regions, std::size_t detection,
                   double share);

}  // namespace medsweep::runner
