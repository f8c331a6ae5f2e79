#include "runner/metrics/detection/rsna_score.h"

#include <algorithm>

#include "runner/metrics/detection/best_match.h"

namespace medsweep::runner {
namespace {

constexpr int kRsnaThresholds = 8;

/// In hundredths, so that 0.75 is exactly that.
double rsna_threshold(int i) { return (40 + 5 * i) / 100.0; }

double precision_at(const ClassOverlap& overlap, double minimum_score, double threshold) {
  std::vector<std::uint8_t> taken(overlap.ignore.begin(), overlap.ignore.end());
  double hits = 0, errors = 0;
  for (std::size_t i = 0; i < overlap.scores.size() && overlap.scores[i] >= minimum_score; ++i) {
    double best = threshold;
    std::size_t chosen = taken.size();
    for (std::size_t object = 0; object < taken.size(); ++object)
      if (!taken[object] && overlap.boxes.iou.at(i, object) > best) {
        best = overlap.boxes.iou.at(i, object);
        chosen = object;
      }
    if (chosen < taken.size()) {
      taken[chosen] = 1;
      ++hits;
    } else if (!lies_in_crowd(overlap, overlap.boxes, i, threshold)) {
      ++errors;
    }
  }
  const auto missed = static_cast<double>(std::ranges::count(taken, std::uint8_t{0}));
  return hits / (hits + errors + missed);
}

}  // namespace

std::optional<double> rsna_score(const ClassOverlap& overlap, double minimum_score) {
  if (std::ranges::count(overlap.ignore, std::uint8_t{0}) == 0) {
    if (found_outside_crowds(overlap, overlap.boxes, minimum_score) == 0) return std::nullopt;
    return 0;
  }
  double sum = 0;
  for (int i = 0; i < kRsnaThresholds; ++i)
    sum += precision_at(overlap, minimum_score, rsna_threshold(i));
  return sum / kRsnaThresholds;
}

}  // namespace medsweep::runner
