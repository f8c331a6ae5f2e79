#include "models/operators/nms.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include "models/operators/nms_kernels.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kNmsBlock = 512;  // boxes that are decided on before others are looked at

void check_nms(const torch::Tensor& boxes, const torch::Tensor& scores,
               const std::optional<torch::Tensor>& groups, double threshold) {
  if (boxes.dim() != 2 || boxes.size(1) != 4 || boxes.scalar_type() != torch::kFloat)
    throw std::invalid_argument(
        fmt::format("[nms] boxes of {} dimensions, type {}; [n, 4] of float32 are allowed",
                    boxes.dim(), c10::toString(boxes.scalar_type())));
  const std::int64_t count = boxes.size(0);
  if (scores.dim() != 1 || scores.size(0) != count || scores.scalar_type() != torch::kFloat)
    throw std::invalid_argument(
        fmt::format("[nms] {} scores of type {} for {} boxes; a float32 for each is allowed",
                    scores.numel(), c10::toString(scores.scalar_type()), count));
  if (groups &&
      (groups->dim() != 1 || groups->size(0) != count || groups->scalar_type() != torch::kLong))
    throw std::invalid_argument(
        fmt::format("[nms] {} groups of type {} for {} boxes; an int64 for each is allowed",
                    groups->numel(), c10::toString(groups->scalar_type()), count));
  if (!(threshold >= 0 && threshold <= 1))
    throw std::invalid_argument(fmt::format("[nms] threshold {}; 0 to 1 is allowed", threshold));
}

// A float32 is above `threshold` exactly when it is above the result.
float float_not_above(double threshold) {
  const auto nearest = static_cast<float>(threshold);
  return static_cast<double>(nearest) > threshold ? std::nextafter(nearest, 0.0F) : nearest;
}

/// Boxes of one group that are neither kept nor suppressed, by falling score.
class NmsQueue {
 public:
  NmsQueue(const float* boxes, const std::int64_t* order, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const float* const box = boxes + 4 * order[i];
      const NmsBox all{box[0], box[1], box[2], box[3], (box[2] - box[0]) * (box[3] - box[1])};
      for (std::size_t k = 0; k < all.size(); ++k) boxes_.columns[k].push_back(all[k]);
      numbers_.push_back(i);
    }
    boxes_.dead.assign(numbers_.size(), 0);
    fill_up();
  }

  /// Writes 1 to keep[i] for each kept box order[i].
  void run(float threshold, char* keep) {
    for (std::int64_t first = 0; first < size(); first += kNmsBlock) {
      const std::int64_t last = std::min(first + kNmsBlock, size());
      std::vector<NmsBox> kept;
      for (std::int64_t i = first; i < last; ++i) {
        if (boxes_.dead[static_cast<std::size_t>(i)] != 0) continue;
        keep[numbers_[static_cast<std::size_t>(i)]] = 1;
        kept.push_back(box(i));
        suppress_tiles(boxes_, i / kNmsLanes, tiles(last), &kept.back(), 1, threshold);
      }
      suppress_after(last, kept, threshold);
      if (dead_after(last) * 4 > size() - last) {
        close_up(last);
        first = -kNmsBlock;
      }
    }
  }

 private:
  std::int64_t size() const { return static_cast<std::int64_t>(numbers_.size()); }
  static std::int64_t tiles(std::int64_t boxes) { return (boxes + kNmsLanes - 1) / kNmsLanes; }

  NmsBox box(std::int64_t i) const {
    NmsBox result;
    for (std::size_t k = 0; k < result.size(); ++k)
      result[k] = boxes_.columns[k][static_cast<std::size_t>(i)];
    return result;
  }

  void suppress_after(std::int64_t first, const std::vector<NmsBox>& kept, float threshold) {
    if (first >= size() || kept.empty()) return;
    const auto count = static_cast<std::int64_t>(kept.size());
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / count);
    at::parallel_for(first / kNmsLanes, tiles(size()), grain,
                     [&](std::int64_t begin, std::int64_t end) {
                       suppress_tiles(boxes_, begin, end, kept.data(), count, threshold);
                     });
  }

  std::int64_t dead_after(std::int64_t first) const {
    return std::count(boxes_.dead.begin() + first, boxes_.dead.begin() + size(), -1);
  }

  // Leaves only the boxes from `first` on that are not suppressed.
  void close_up(std::int64_t first) {
    std::size_t to = 0;
    for (auto from = static_cast<std::size_t>(first); from < numbers_.size(); ++from) {
      if (boxes_.dead[from] != 0) continue;
      for (auto& column : boxes_.columns) column[to] = column[from];
      numbers_[to++] = numbers_[from];
    }
    numbers_.resize(to);
    for (auto& column : boxes_.columns) column.resize(to);
    boxes_.dead.assign(to, 0);
    fill_up();
  }

  void fill_up() {
    const auto size_of_tiles = static_cast<std::size_t>(tiles(size()) * kNmsLanes);
    for (auto& column : boxes_.columns)
      column.resize(size_of_tiles, std::numeric_limits<float>::quiet_NaN());
    boxes_.dead.resize(size_of_tiles, -1);
  }

  NmsBoxes boxes_;
  std::vector<std::int64_t> numbers_;  // of boxes_ in the order that the queue was made of
};

torch::Tensor nms_cpu(const torch::Tensor& boxes, const torch::Tensor& scores,
                      const std::optional<torch::Tensor>& groups, double threshold) {
  check_nms(boxes, scores, groups, threshold);
  const std::int64_t count = boxes.size(0);
  const torch::Tensor by_score = std::get<1>(scores.detach().sort(true, 0, true));
  torch::Tensor places = torch::arange(count, torch::kLong);  // in by_score, group by group
  torch::Tensor sorted_groups = torch::zeros(count, torch::kLong);
  if (groups)
    std::tie(sorted_groups, places) = groups->index_select(0, by_score).sort(true, 0, false);
  const torch::Tensor order = by_score.index_select(0, places);
  const torch::Tensor all = boxes.detach().contiguous();
  const auto* const names = sorted_groups.const_data_ptr<std::int64_t>();
  const auto* const orders = order.const_data_ptr<std::int64_t>();
  const auto* const at = places.const_data_ptr<std::int64_t>();
  std::vector<char> keep(static_cast<std::size_t>(count), 0);
  for (std::int64_t first = 0; first < count;) {
    const std::int64_t last = std::upper_bound(names + first, names + count, names[first]) - names;
    NmsQueue(all.const_data_ptr<float>(), orders + first, last - first)
        .run(float_not_above(threshold), keep.data() + first);
    first = last;
  }
  torch::Tensor kept = torch::zeros(count, torch::kBool);  // in the order of the scores
  bool* const flags = kept.mutable_data_ptr<bool>();
  for (std::int64_t i = 0; i < count; ++i) flags[at[i]] = keep[static_cast<std::size_t>(i)] != 0;
  return by_score.masked_select(kept);
}

using NmsCall = torch::Tensor(const torch::Tensor&, const torch::Tensor&,
                              const std::optional<torch::Tensor>&, double);

const auto& nms_operator() {
  static const auto found =
      c10::Dispatcher::singleton().findSchemaOrThrow("medsweep::nms", "").typed<NmsCall>();
  return found;
}

}  // namespace

torch::Tensor nms(const torch::Tensor& boxes, const torch::Tensor& scores, double threshold) {
  return nms_operator().call(boxes.detach(), scores.detach(), std::nullopt, threshold);
}

torch::Tensor batched_nms(const torch::Tensor& boxes, const torch::Tensor& scores,
                          const torch::Tensor& groups, double threshold) {
  return nms_operator().call(boxes.detach(), scores.detach(), groups, threshold);
}

TORCH_LIBRARY_FRAGMENT(medsweep, library) {
  library.def("nms(Tensor boxes, Tensor scores, Tensor? groups, float threshold) -> Tensor");
}

TORCH_LIBRARY_IMPL(medsweep, CPU, library) { library.impl("nms", nms_cpu); }

TORCH_LIBRARY_IMPL(medsweep, Autograd, library) {
  library.impl("nms", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace medsweep::models
