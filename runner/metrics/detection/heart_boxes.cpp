#include "runner/metrics/detection/heart_boxes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "runner/metrics/detection/overlap.h"

namespace medsweep::runner {
namespace {

constexpr double kHeartEpsilon = 1e-6;

/// x1, y1, x2, y2, up to the last pixel.
using PixelBox = std::array<double, 4>;

PixelBox pixel_box(const torch::Tensor& boxes, std::int64_t row) {
  const float* box = boxes.const_data_ptr<float>() + 4 * row;
  return {box[0], box[1], double{box[2]} - 1, double{box[3]} - 1};
}

double heart_area(const PixelBox& box) {
  return std::max(box[2] - box[0], 0.0) * std::max(box[3] - box[1], 0.0);
}

double heart_iou(const PixelBox& a, const PixelBox& b) {
  const double both = heart_area(
      {std::max(a[0], b[0]), std::max(a[1], b[1]), std::min(a[2], b[2]), std::min(a[3], b[3])});
  return both / (heart_area(a) + heart_area(b) - both + kHeartEpsilon);
}

/// A detection's best object.
struct BestObject {
  double iou = 0;
  std::size_t object = 0;
};

std::vector<BestObject> best_objects(const DetectionCase& ready, double minimum_score,
                                     const std::vector<PixelBox>& objects) {
  std::vector<BestObject> best;
  for (const std::int64_t row : by_falling_score(ready.found.scores)) {
    if (!(ready.found.scores.const_data_ptr<float>()[row] > minimum_score)) break;
    BestObject chosen;
    for (std::size_t i = 0; i < objects.size(); ++i)
      if (const double iou = heart_iou(pixel_box(ready.found.boxes, row), objects[i]);
          iou > chosen.iou)
        chosen = {iou, i};
    best.push_back(chosen);
  }
  return best;
}

/// The area below the monotone envelope of precision over recall.
double heart_precision(const std::vector<BestObject>& found, std::size_t objects,
                       double threshold) {
  std::vector<double> recall{0}, precision{0};
  std::vector<std::uint8_t> taken(objects);
  double right = 0, wrong = 0;
  for (const BestObject& best : found) {
    const bool hit = best.iou >= threshold && !taken[best.object];
    if (hit) taken[best.object] = 1;
    ++(hit ? right : wrong);
    precision.push_back(right / (right + wrong + kHeartEpsilon));
    recall.push_back(right / (static_cast<double>(objects) + kHeartEpsilon));
  }
  recall.push_back(1);
  precision.push_back(0);
  double area = 0;
  for (std::size_t i = recall.size(); i-- > 1;) {
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
    area += (recall[i] - recall[i - 1]) * precision[i];
  }
  return area;
}

}  // namespace

std::vector<double> heart_thresholds(double step) {
  if (!(step > 0 && step <= 0.5))
    throw std::invalid_argument(
        fmt::format("[metrics] heart's step {}; above 0 and at most 0.5 is allowed", step));
  constexpr double kFirst = 0.5;
  const double rounded_step = (kFirst + step) - kFirst;
  std::vector<double> thresholds(static_cast<std::size_t>(std::ceil((1 - kFirst) / step)));
  for (std::size_t i = 0; i < thresholds.size(); ++i)
    thresholds[i] = kFirst + static_cast<double>(i) * rounded_step;
  return thresholds;
}

HeartBoxes heart_boxes(const DetectionCase& ready, const HeartOptions& options) {
  std::vector<PixelBox> objects;
  for (std::int64_t i = 0; i < ready.truth.boxes.size(0); ++i)
    if (ready.truth.ignore.const_data_ptr<std::uint8_t>()[i] == 0)
      objects.push_back(pixel_box(ready.truth.boxes, i));
  const std::vector<BestObject> found = best_objects(ready, options.minimum_score, objects);
  const std::vector<double> thresholds = heart_thresholds(options.step);
  HeartBoxes result;
  result.boxes = static_cast<std::int64_t>(found.size());
  if (found.empty()) {
    result.zeros = 1 + static_cast<std::int64_t>(thresholds.size());
    return result;
  }
  for (const BestObject& best : found) result.iou_sum += best.iou;
  for (const double threshold : thresholds)
    result.mean_precision += heart_precision(found, objects.size(), threshold);
  result.mean_precision /= static_cast<double>(thresholds.size());
  return result;
}

}  // namespace medsweep::runner
