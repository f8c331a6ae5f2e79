#include "runner/metrics/detection/average_precision.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

namespace medsweep::runner {
namespace {

constexpr std::size_t kRecallPoints = 101;
constexpr std::size_t kFree = std::numeric_limits<std::size_t>::max();

struct AreaBounds {
  double least, most;
  bool excludes(double area) const { return area < least || area > most; }
};
constexpr std::array<AreaBounds, kAreaRanges> kAreaBounds{
    AreaBounds{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};

/// The numbers of numpy's linspace, to the bit: recalls and overlaps may equal them.
double iou_threshold(std::size_t i) {
  return i + 1 == kIouThresholds ? 0.95 : static_cast<double>(i) * ((0.95 - 0.5) / 9) + 0.5;
}
double recall_point(std::size_t i) { return static_cast<double>(i) * (1.0 / 100); }

/// The objects of one range of areas.
struct RangeObjects {
  std::vector<std::uint8_t> ignored;  ///< by object
  std::vector<std::size_t> order;     ///< those that are to be found first
};

RangeObjects objects_within(const ClassOverlap& overlap, const RegionOverlap& regions,
                            const AreaBounds& bounds) {
  RangeObjects objects;
  for (std::size_t i = 0; i < overlap.ignore.size(); ++i)
    objects.ignored.push_back(overlap.ignore[i] != 0 || bounds.excludes(regions.object_areas[i]));
  objects.order.resize(objects.ignored.size());
  std::iota(objects.order.begin(), objects.order.end(), std::size_t{0});
  std::ranges::stable_partition(objects.order, [&](std::size_t i) { return !objects.ignored[i]; });
  return objects;
}

/// The object that a detection takes, or kFree.
std::size_t best_object(const ClassOverlap& overlap, const RangeObjects& objects,
                        const std::vector<std::uint8_t>& taken,
                        const std::function<double(std::size_t)>& iou, double threshold) {
  double best = std::min(threshold, 1 - 1e-10);
  std::size_t chosen = kFree;
  for (const std::size_t object : objects.order) {
    if (taken[object] && overlap.ignore[object] == 0) continue;
    if (chosen != kFree && !objects.ignored[chosen] && objects.ignored[object]) break;
    if (iou(object) < best) continue;
    best = iou(object);
    chosen = object;
  }
  return chosen;
}

void match_range(const ClassOverlap& overlap, const RegionOverlap& regions, std::size_t range,
                 ClassMatches& matches) {
  const RangeObjects objects = objects_within(overlap, regions, kAreaBounds[range]);
  matches.objects[range] =
      static_cast<std::uint32_t>(std::ranges::count(objects.ignored, std::uint8_t{0}));
  for (std::size_t t = 0; t < kIouThresholds; ++t) {
    std::vector<std::uint8_t> taken(objects.ignored.size());
    const auto bit = static_cast<std::uint16_t>(1U << t);
    for (std::size_t i = 0; i < matches.detections.size(); ++i) {
      const auto iou = [&](std::size_t object) { return regions.iou.at(i, object); };
      const std::size_t object = best_object(overlap, objects, taken, iou, iou_threshold(t));
      ScoredDetection& detection = matches.detections[i];
      if (object == kFree) {
        if (!kAreaBounds[range].excludes(regions.found_areas[i])) detection.wrong[range] |= bit;
        continue;
      }
      taken[object] = 1;
      if (!objects.ignored[object]) detection.right[range] |= bit;
    }
  }
}

std::vector<const ScoredDetection*> sorted_detections(
    const std::vector<const ClassMatches*>& images) {
  std::vector<const ScoredDetection*> sorted;
  for (const ClassMatches* image : images)
    for (const ScoredDetection& detection : image->detections) sorted.push_back(&detection);
  std::ranges::stable_sort(sorted, std::greater{}, &ScoredDetection::score);
  return sorted;
}

/// Along the sorted detections.
struct PrecisionCurve {
  std::vector<double> precision{}, recall{};

  /// Precision made monotone, its mean over the 101 recalls; 0 at those that are not reached.
  double mean_over_recalls() {
    for (std::size_t i = precision.size(); i-- > 1;)
      precision[i - 1] = std::max(precision[i - 1], precision[i]);
    double sum = 0;
    for (std::size_t i = 0; i < kRecallPoints; ++i) {
      const auto reached = std::ranges::lower_bound(recall, recall_point(i));
      if (reached == recall.end()) break;
      sum += precision[static_cast<std::size_t>(reached - recall.begin())];
    }
    return sum / kRecallPoints;
  }
};

PrecisionCurve curve_of(const std::vector<const ScoredDetection*>& sorted, std::size_t range,
                        std::size_t threshold, double objects) {
  PrecisionCurve curve;
  double right = 0, wrong = 0;
  for (const ScoredDetection* detection : sorted) {
    right += detection->right[range] >> threshold & 1U;
    wrong += detection->wrong[range] >> threshold & 1U;
    curve.recall.push_back(right / objects);
    curve.precision.push_back(right / (wrong + right + std::numeric_limits<double>::epsilon()));
  }
  return curve;
}

double mean_over_thresholds(const std::array<double, kIouThresholds>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / kIouThresholds;
}

}  // namespace

ClassMatches match_objects(const ClassOverlap& overlap, const RegionOverlap& regions) {
  ClassMatches matches;
  const std::size_t count = std::min(overlap.scores.size(), kMaximumDetections);
  for (std::size_t i = 0; i < count; ++i) matches.detections.push_back({overlap.scores[i], {}, {}});
  for (std::size_t range = 0; range < kAreaRanges; ++range)
    match_range(overlap, regions, range, matches);
  return matches;
}

double PooledPrecision::mean_precision() const { return mean_over_thresholds(precision); }
double PooledPrecision::mean_recall() const { return mean_over_thresholds(recall); }

std::optional<PooledPrecision> pooled_precision(const std::vector<const ClassMatches*>& images,
                                                AreaRange range) {
  const auto which = static_cast<std::size_t>(range);
  double objects = 0;
  for (const ClassMatches* image : images) objects += image->objects[which];
  if (objects == 0) return std::nullopt;
  const std::vector<const ScoredDetection*> sorted = sorted_detections(images);
  PooledPrecision pooled;
  for (std::size_t t = 0; t < kIouThresholds; ++t) {
    PrecisionCurve curve = curve_of(sorted, which, t, objects);
    pooled.recall[t] = curve.recall.empty() ? 0 : curve.recall.back();
    pooled.precision[t] = curve.mean_over_recalls();
  }
  return pooled;
}

}  // namespace medsweep::runner
