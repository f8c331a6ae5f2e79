#include "runner/metrics/detection/overlap.h"

#include <torch/torch.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "models/operators/boxes.h"

namespace medsweep::runner {
namespace {

std::vector<double> areas_of_boxes(const torch::Tensor& boxes) {
  std::vector<double> areas;
  for (std::int64_t i = 0; i < boxes.size(0); ++i) {
    const float* box = boxes.const_data_ptr<float>() + 4 * i;
    areas.push_back((double{box[2]} - box[0]) * (double{box[3]} - box[1]));
  }
  return areas;
}

/// masks: [n, H, W] uint8, 0 or 1.
std::vector<double> areas_of_masks(const torch::Tensor& masks) {
  const torch::Tensor areas = masks.sum({1, 2}, false, torch::kFloat64).contiguous();
  return {areas.const_data_ptr<double>(), areas.const_data_ptr<double>() + areas.numel()};
}

OverlapMatrix overlap_of_masks(const torch::Tensor& found, const torch::Tensor& objects,
                               std::vector<std::uint8_t> ignore) {
  const auto columns = static_cast<std::int64_t>(ignore.size());
  const torch::Tensor crowds = torch::from_blob(ignore.data(), {columns}, torch::kUInt8);
  const torch::Tensor iou = models::mask_iou(found, objects, crowds).contiguous();
  const auto* values = iou.const_data_ptr<double>();
  return {ignore.size(), {values, values + iou.numel()}};
}

torch::Tensor rows_at(const torch::Tensor& tensor, const std::vector<std::int64_t>& rows) {
  return tensor.index_select(0, torch::tensor(rows, torch::kInt64)).contiguous();
}

}  // namespace

std::vector<std::int64_t> by_falling_score(const torch::Tensor& scores) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(scores.numel()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const float* values = scores.const_data_ptr<float>();
  std::ranges::stable_sort(order, std::greater{}, [&](std::int64_t i) { return values[i]; });
  return order;
}

OverlapMatrix overlap_of_boxes(const torch::Tensor& found, const torch::Tensor& objects,
                               const std::vector<std::uint8_t>& ignore) {
  const std::vector<double> found_areas = areas_of_boxes(found), areas = areas_of_boxes(objects);
  OverlapMatrix matrix{areas.size(), std::vector<double>(found_areas.size() * areas.size())};
  for (std::size_t i = 0; i < found_areas.size(); ++i)
    for (std::size_t j = 0; j < areas.size(); ++j) {
      const float* a = found.const_data_ptr<float>() + 4 * i;
      const float* b = objects.const_data_ptr<float>() + 4 * j;
      const double width = double{std::min(a[2], b[2])} - std::max(a[0], b[0]);
      const double height = double{std::min(a[3], b[3])} - std::max(a[1], b[1]);
      if (width <= 0 || height <= 0) continue;
      const double both = width * height;
      const double whole = ignore[j] != 0 ? found_areas[i] : found_areas[i] + areas[j] - both;
      matrix.values[i * matrix.columns + j] = both / whole;
    }
  return matrix;
}

ClassOverlap overlap_of_class(const DetectionCase& ready, std::int64_t label) {
  std::vector<std::int64_t> found, objects;
  for (const std::int64_t i : by_falling_score(ready.found.scores))
    if (ready.found.labels.const_data_ptr<std::int64_t>()[i] == label) found.push_back(i);
  for (std::int64_t i = 0; i < ready.truth.labels.numel(); ++i)
    if (ready.truth.labels.const_data_ptr<std::uint8_t>()[i] == label) objects.push_back(i);
  ClassOverlap result;
  for (const std::int64_t i : found)
    result.scores.push_back(ready.found.scores.const_data_ptr<float>()[i]);
  for (const std::int64_t i : objects)
    result.ignore.push_back(ready.truth.ignore.const_data_ptr<std::uint8_t>()[i]);
  const torch::Tensor found_boxes = rows_at(ready.found.boxes, found);
  const torch::Tensor object_boxes = rows_at(ready.truth.boxes, objects);
  result.boxes = {overlap_of_boxes(found_boxes, object_boxes, result.ignore),
                  areas_of_boxes(found_boxes), areas_of_boxes(object_boxes)};
  if (!ready.truth.masks.defined()) return result;
  const torch::Tensor object_masks = rows_at(ready.truth.masks, objects);
  result.boxes.object_areas = areas_of_masks(object_masks);
  if (!ready.found.masks.defined()) return result;
  const torch::Tensor found_masks = rows_at(ready.found.masks, found);
  result.masks = {overlap_of_masks(found_masks, object_masks, result.ignore),
                  areas_of_masks(found_masks), result.boxes.object_areas};
  return result;
}

}  // namespace medsweep::runner
