#include "runner/metrics/detection/best_match.h"

#include <algorithm>

namespace medsweep::runner {

bool lies_in_crowd(const ClassOverlap& overlap, const RegionOverlap& regions, std::size_t detection,
                   double share) {
  for (std::size_t object = 0; object < overlap.ignore.size(); ++object)
    if (overlap.ignore[object] != 0 && regions.iou.at(detection, object) >= share) return true;
  return false;
}

std::int64_t found_outside_crowds(const ClassOverlap& overlap, const RegionOverlap& regions,
                                  double minimum_score, double share) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < overlap.scores.size() && overlap.scores[i] >= minimum_score; ++i)
    if (!lies_in_crowd(overlap, regions, i, share)) ++count;
  return count;
}

BestMatches best_matches(const ClassOverlap& overlap, const RegionOverlap& regions,
                         double minimum_score) {
  BestMatches matches;
  double objects = 0, iou_sum = 0, dice_sum = 0;
  for (std::size_t object = 0; object < overlap.ignore.size(); ++object) {
    if (overlap.ignore[object] != 0) continue;
    double best = 0;
    for (std::size_t i = 0; i < overlap.scores.size() && overlap.scores[i] >= minimum_score; ++i)
      best = std::max(best, regions.iou.at(i, object));
    ++objects;
    iou_sum += best;
    dice_sum += 2 * best / (1 + best);
    matches.worst_iou = std::min(matches.worst_iou, best);
  }
  if (objects > 0) {
    matches.iou = iou_sum / objects;
    matches.dice = dice_sum / objects;
  } else if (found_outside_crowds(overlap, regions, minimum_score) > 0) {
    matches.iou = matches.dice = 0;
  }
  return matches;
}

}  // namespace medsweep::runner
