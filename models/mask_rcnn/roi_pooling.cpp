#include "models/mask_rcnn/roi_pooling.h"

#include <torch/torch.h>

#include <algorithm>

#include "models/operators/boxes.h"
#include "models/operators/roi_align.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kLevels = 4;
constexpr double kCanonicalSide = 224, kCanonicalLevel = 4, kFirstLevel = 2;

std::vector<std::int64_t> count_levels(const torch::Tensor& levels) {
  const torch::Tensor counts = torch::bincount(levels, {}, kLevels);
  const auto* const begin = counts.data_ptr<std::int64_t>();
  return {begin, begin + kLevels};
}

// Boxes whose bins' centres are the samples of crop_and_resize, for RoIAlign with one sample a bin
// and RoiCorner::kCentre, which takes half a pixel of the map off.
torch::Tensor sampling_boxes(const torch::Tensor& boxes, std::int64_t size, double scale) {
  const torch::Tensor low = boxes.slice(1, 0, 2), high = boxes.slice(1, 2, 4);
  const torch::Tensor margin =
      (high - low) / (2 * static_cast<double>(std::max<std::int64_t>(size - 1, 1)));
  return torch::cat({low - margin, high + margin}, 1) + 0.5 / scale;
}

RoiAlignOptions level_pooling(const RegionBins& bins, double scale, const RoiOptions& options) {
  RoiAlignOptions pooling;
  pooling.height = pooling.width = bins.size;
  pooling.layout = bins.layout;
  pooling.scale = scale;
  pooling.sampling_ratio = options.sampling_ratio;
  if (options.pooling == RegionPooling::kCropAndResize) {
    pooling.sampling_ratio = 1;
    pooling.corner = RoiCorner::kCentre;
  }
  return pooling;
}

}  // namespace

torch::Tensor region_levels(const torch::Tensor& boxes, LevelRule rule) {
  const torch::Tensor octaves = torch::log2(torch::sqrt(box_area(boxes)) / kCanonicalSide);
  torch::Tensor levels = rule == LevelRule::kFloor ? (octaves + kCanonicalLevel + 1e-6).floor()
                                                   : octaves.round() + kCanonicalLevel;
  levels = levels.clamp(kFirstLevel, kFirstLevel + kLevels - 1);
  return levels.to(torch::kLong) - static_cast<std::int64_t>(kFirstLevel);
}

std::pair<Regions, torch::Tensor> by_level(const std::vector<torch::Tensor>& boxes,
                                           LevelRule rule) {
  std::vector<torch::Tensor> all{torch::empty({0, 4})}, images{torch::empty({0}, torch::kLong)};
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    all.push_back(boxes[i]);
    images.push_back(torch::full({boxes[i].size(0)}, static_cast<std::int64_t>(i), torch::kLong));
  }
  const torch::Tensor joined = torch::cat(all);
  const torch::Tensor levels = region_levels(joined, rule);
  const torch::Tensor order = levels.argsort(/*stable=*/true, 0, false);
  return {Regions{joined.index_select(0, order), torch::cat(images).index_select(0, order),
                  count_levels(levels)},
          order};
}

Regions select_regions(const Regions& regions, const torch::Tensor& kept) {
  Regions selected{regions.boxes.index_select(0, kept), regions.images.index_select(0, kept), {}};
  std::int64_t first = 0;
  for (const std::int64_t count : regions.per_level) {
    selected.per_level.push_back(
        ((kept >= first) & (kept < first + count)).sum().item<std::int64_t>());
    first += count;
  }
  return selected;
}

torch::Tensor pool_regions(const std::vector<torch::Tensor>& pyramid, const Regions& regions,
                           const RegionBins& bins, const RoiOptions& options) {
  std::vector<torch::Tensor> pooled;
  std::int64_t first = 0;
  double scale = 0.25;
  for (std::size_t level = 0; level < regions.per_level.size(); ++level, scale /= 2) {
    const std::int64_t count = regions.per_level[level];
    torch::Tensor boxes = regions.boxes.narrow(0, first, count);
    if (options.pooling == RegionPooling::kCropAndResize)
      boxes = sampling_boxes(boxes, bins.size, scale);
    const torch::Tensor images = regions.images.narrow(0, first, count);
    first += count;
    if (count == 0) continue;
    const torch::Tensor rois = torch::cat({images.unsqueeze(1).to(torch::kFloat), boxes}, 1);
    pooled.push_back(roi_align(pyramid[level], rois, level_pooling(bins, scale, options)));
  }
  if (pooled.empty()) {
    const torch::Tensor& map = pyramid.front();
    return torch::empty({0, map.size(1), bins.size, bins.size}, map.options());
  }
  return pooled.size() == 1 ? pooled.front() : torch::cat(pooled);
}

}  // namespace medsweep::models
