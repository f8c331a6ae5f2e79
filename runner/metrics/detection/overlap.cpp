#include "runner/metrics/detection/overlap.h"

#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <numeric>

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

/// Masks as bits, so that an intersection is a few words' worth of counting.
class MaskBits {
 public:
  /// masks: [n, H, W] uint8, 0 or 1.
  explicit MaskBits(const torch::Tensor& masks) {
    const auto count = static_cast<std::size_t>(masks.size(0));
    const auto pixels = static_cast<std::size_t>(masks.size(1) * masks.size(2));
    words_ = (pixels + 63) / 64;
    bits_.resize(count * words_);
    for (std::size_t i = 0; i < count; ++i) pack(i, masks.const_data_ptr<std::uint8_t>(), pixels);
    for (std::size_t i = 0; i < count; ++i) areas_.push_back(shared(*this, i, i));
  }

  const std::vector<double>& areas() const { return areas_; }
  /// Pixels in both mask `i` and mask `j` of `other`.
  double shared(const MaskBits& other, std::size_t i, std::size_t j) const {
    const std::uint64_t *a = &bits_[i * words_], *b = &other.bits_[j * words_];
    std::int64_t sum = 0;
    for (std::size_t w = 0; w < words_; ++w) sum += std::popcount(a[w] & b[w]);
    return static_cast<double>(sum);
  }

 private:
  void pack(std::size_t mask, const std::uint8_t* pixels, std::size_t count) {
    constexpr std::uint64_t kLowest = 0x0101010101010101, kGather = 0x0102040810204080;
    pixels += mask * count;
    for (std::size_t byte = 0; byte * 8 < count; ++byte) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, pixels + byte * 8, std::min<std::size_t>(8, count - byte * 8));
      const std::uint64_t packed = ((eight & kLowest) * kGather) >> 56;
      bits_[mask * words_ + byte / 8] |= packed << (byte % 8 * 8);
    }
  }

  std::size_t words_ = 0;
  std::vector<std::uint64_t> bits_;
  std::vector<double> areas_;
};

OverlapMatrix overlap_of_masks(const MaskBits& found, const MaskBits& objects,
                               const std::vector<std::uint8_t>& ignore) {
  OverlapMatrix matrix{ignore.size(), {}};
  for (std::size_t i = 0; i < found.areas().size(); ++i)
    for (std::size_t j = 0; j < ignore.size(); ++j) {
      const double both = found.shared(objects, i, j);
      const double whole =
          ignore[j] != 0 ? found.areas()[i] : found.areas()[i] + objects.areas()[j] - both;
      matrix.values.push_back(both > 0 ? both / whole : 0);
    }
  return matrix;
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
  const MaskBits object_bits(rows_at(ready.truth.masks, objects));
  result.boxes.object_areas = object_bits.areas();
  if (!ready.found.masks.defined()) return result;
  const MaskBits found_bits(rows_at(ready.found.masks, found));
  result.masks = {overlap_of_masks(found_bits, object_bits, result.ignore), found_bits.areas(),
                  object_bits.areas()};
  return result;
}

}  // namespace medsweep::runner
