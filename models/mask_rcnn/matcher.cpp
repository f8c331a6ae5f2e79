#include "models/mask_rcnn/matcher.h"

#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "models/operators/boxes.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kOverlapsAtOnce = 1 << 22;

// Calls visit(first, count) for consecutive pieces of `candidates` whose table with `others` rows
// has at most kOverlapsAtOnce numbers.
template <typename Visit>
void in_pieces(std::int64_t others, std::int64_t candidates, const Visit& visit) {
  const std::int64_t piece =
      std::max<std::int64_t>(1, kOverlapsAtOnce / std::max<std::int64_t>(others, 1));
  for (std::int64_t first = 0; first < candidates; first += piece)
    visit(first, std::min(piece, candidates - first));
}

// Marks in `matches` the best candidates of each object, as `nearest` (their objects) says.
void add_best_for_objects(const torch::Tensor& boxes, const torch::Tensor& candidates,
                          const torch::Tensor& best, const torch::Tensor& nearest,
                          torch::Tensor& matches) {
  in_pieces(boxes.size(0), candidates.size(0), [&](std::int64_t first, std::int64_t count) {
    const torch::Tensor overlaps = box_iou(boxes, candidates.narrow(0, first, count));
    const torch::Tensor is_best = ((overlaps == best) & (best > 0)).any(0);
    const torch::Tensor part = matches.narrow(0, first, count);
    part.copy_(torch::where(is_best, nearest.narrow(0, first, count), part));
  });
}

}  // namespace

torch::Tensor match(const torch::Tensor& boxes, const torch::Tensor& candidates,
                    const SamplingOptions& thresholds, BestForObject best_for_object) {
  const std::int64_t objects = boxes.size(0), count = candidates.size(0);
  if (objects == 0 || count == 0) return torch::full({count}, kBackground, torch::kLong);
  std::vector<torch::Tensor> values, indices;
  torch::Tensor best = torch::zeros({objects, 1});
  in_pieces(objects, count, [&](std::int64_t first, std::int64_t size) {
    const torch::Tensor overlaps = box_iou(boxes, candidates.narrow(0, first, size));
    const auto [value, index] = overlaps.max(0);
    values.push_back(value);
    indices.push_back(index);
    best = torch::maximum(best, overlaps.amax(1, true));
  });
  const torch::Tensor overlap = torch::cat(values), nearest = torch::cat(indices);
  torch::Tensor matches =
      torch::where(overlap < thresholds.background_iou, kBackground,
                   torch::where(overlap < thresholds.foreground_iou, kUndecided, nearest));
  if (best_for_object == BestForObject::kMatched)
    add_best_for_objects(boxes, candidates, best, nearest, matches);
  return matches;
}

torch::Tensor is_covered(const torch::Tensor& candidates, const torch::Tensor& crowds,
                         double share) {
  const std::int64_t count = candidates.size(0);
  torch::Tensor covered = torch::zeros({count}, torch::kBool);
  if (crowds.size(0) == 0) return covered;
  in_pieces(crowds.size(0), count, [&](std::int64_t first, std::int64_t size) {
    const torch::Tensor part = candidates.narrow(0, first, size);
    const torch::Tensor low =
        torch::maximum(crowds.slice(1, 0, 2).unsqueeze(1), part.slice(1, 0, 2).unsqueeze(0));
    const torch::Tensor high =
        torch::minimum(crowds.slice(1, 2, 4).unsqueeze(1), part.slice(1, 2, 4).unsqueeze(0));
    const torch::Tensor common = (high - low).clamp_min(0).prod(2).amax(0);
    covered.narrow(0, first, size).copy_((common > 0) & (common >= share * box_area(part)));
  });
  return covered;
}

}  // namespace medsweep::models
