#include "runner/metrics/detection/pooled_numbers.h"

#include <algorithm>
#include <cmath>

namespace medsweep::runner {
namespace {

constexpr std::size_t kPlaceOf50 = 0, kPlaceOf75 = 5;  // among the thresholds

}  // namespace

std::optional<double> precision_over(const ImageRecords& images, std::size_t label,
                                     const PrecisionQuery& query) {
  std::vector<const ClassMatches*> matches;
  for (const ImageRecord* image : images) {
    if (query.regions == &ClassRecord::masks && !image->has_masks) return std::nullopt;
    matches.push_back(&(image->classes[label].*query.regions));
  }
  const std::optional<PooledPrecision> pooled = pooled_precision(matches, query.range);
  if (!pooled) return std::nullopt;
  switch (query.reading) {
    case PrecisionReading::kAt50:
      return pooled->precision[kPlaceOf50];
    case PrecisionReading::kAt75:
      return pooled->precision[kPlaceOf75];
    case PrecisionReading::kRecall:
      return pooled->mean_recall();
    case PrecisionReading::kMean:
      break;
  }
  return pooled->mean_precision();
}

std::optional<double> heart_box_iou(const ImageRecords& images) {
  double sum = 0, count = 0;
  for (const ImageRecord* image : images) {
    sum += image->heart.iou_sum;
    count += static_cast<double>(image->heart.boxes + image->heart.zeros);
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

std::optional<double> heart_box_map(const ImageRecords& images) {
  double sum = 0, count = 0;
  for (const ImageRecord* image : images) {
    if (image->heart.boxes == 0) continue;
    sum += image->heart.mean_precision;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

std::optional<double> quantile_of_seconds(const ImageRecords& images, double share) {
  std::vector<double> seconds;
  for (const ImageRecord* image : images)
    if (image->seconds) seconds.push_back(*image->seconds);
  if (seconds.empty()) return std::nullopt;
  std::ranges::sort(seconds);
  const double place = share * static_cast<double>(seconds.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double above = seconds[std::min(below + 1, seconds.size() - 1)];
  return seconds[below] + (place - std::floor(place)) * (above - seconds[below]);
}

}  // namespace medsweep::runner
