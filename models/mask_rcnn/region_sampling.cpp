#include "models/mask_rcnn/region_sampling.h"

#include <torch/torch.h>

#include "models/mask_rcnn/matcher.h"
#include "models/operators/boxes.h"
#include "models/operators/roi_align.h"

namespace medsweep::models {
namespace {

struct ImageSample {
  torch::Tensor boxes, labels, objects, deltas;
};

ImageSample sample_image(const torch::Tensor& proposals, const RcnnObjects& objects,
                         const RoiOptions& options, const ChooseCandidates& choose,
                         RandomStream stream) {
  const bool appended = options.ground_truth == GroundTruthProposals::kAppended;
  const torch::Tensor candidates = appended ? torch::cat({proposals, objects.boxes}) : proposals;
  const torch::Tensor matches =
      match(objects.boxes, candidates, options.sampling, BestForObject::kLeftOut);
  const torch::Tensor nearest = matches.clamp_min(0);
  torch::Tensor labels = torch::zeros_like(matches);
  if (objects.boxes.size(0) > 0) {
    labels = torch::where(matches >= 0, objects.labels.index_select(0, nearest), 0);
    labels = torch::where(matches == kUndecided, -1, labels);
  }
  const torch::Tensor covered =
      is_covered(candidates, objects.crowds, options.sampling.ignore_cover);
  labels = torch::where(covered & (labels == 0), -1, labels);

  const torch::Tensor kept = sample_balanced(labels, options.sampling, choose, stream).all();
  ImageSample sample{candidates.index_select(0, kept), labels.index_select(0, kept),
                     nearest.index_select(0, kept), torch::zeros({kept.size(0), 4})};
  const torch::Tensor positive = torch::nonzero(sample.labels > 0).squeeze(1);
  if (positive.size(0) > 0)
    sample.deltas.index_copy_(
        0, positive,
        BoxCoder{options.box_weights}.encode(
            objects.boxes.index_select(0, sample.objects.index_select(0, positive)),
            sample.boxes.index_select(0, positive)));
  return sample;
}

// Masks `which` ([k] int64) at the size of the network's input: [k, 1, H, W] float32.
torch::Tensor resized_masks(const RcnnObjects& objects, const torch::Tensor& which,
                            const datasets::Extent& size) {
  const torch::Tensor masks = objects.masks.index_select(0, which).to(torch::kFloat).unsqueeze(1);
  if (masks.size(2) == size.height && masks.size(3) == size.width) return masks;
  return torch::upsample_nearest2d(masks, {size.height, size.width});
}

// Mini masks `which` with a border of one empty part, which stands for all outside of the box:
// [k, 1, h + 2, w + 2] float32 in 0...1.
torch::Tensor bordered_minis(const RcnnObjects& objects, const torch::Tensor& which) {
  const torch::Tensor minis = objects.mini_masks.index_select(0, which).to(torch::kFloat) / 255;
  return torch::constant_pad_nd(minis.unsqueeze(1), {1, 1, 1, 1}, 0);
}

// Corners of `regions` ([r, 4], pixels) in parts of the bordered mini masks of `boxes` ([r, 4]).
// RoIAlign (not aligned) has the centre of the first pixel, or part, at 0.
torch::Tensor in_mini_parts(const torch::Tensor& regions, const torch::Tensor& boxes,
                            const torch::Tensor& minis) {
  const torch::Tensor corners = regions.view({-1, 2, 2}), box = boxes.view({-1, 2, 2});
  const torch::Tensor low = box.narrow(1, 0, 1), sides = box.narrow(1, 1, 1) - low;
  const torch::Tensor parts =
      torch::tensor({minis.size(2), minis.size(1)}, torch::kFloat);  // along x, y
  return ((corners + 0.5 - low) / sides * parts + 0.5).view({-1, 4});
}

// What the regions ([r, 4]) want of the masks of `objects` (each of [r]): [r, size, size].
torch::Tensor image_targets(const torch::Tensor& regions, const torch::Tensor& objects,
                            const RcnnObjects& truth, const datasets::Extent& extent,
                            const RoiAlignOptions& pooling) {
  // Of thousands of objects only those that were sampled are resized.
  const auto [which, position] = at::_unique(objects, /*sorted=*/true, /*return_inverse=*/true);
  const bool has_minis = truth.mini_masks.defined();
  const torch::Tensor masks =
      has_minis ? bordered_minis(truth, which) : resized_masks(truth, which, extent);
  const torch::Tensor corners =
      has_minis ? in_mini_parts(regions, truth.boxes.index_select(0, objects), truth.mini_masks)
                : regions;
  const torch::Tensor rois = torch::cat({position.unsqueeze(1).to(torch::kFloat), corners}, 1);
  return roi_align(masks, rois, pooling).squeeze(1);
}

}  // namespace

SampledRegions sample_regions(const std::vector<torch::Tensor>& proposals, const RcnnTruth& truth,
                              const RoiOptions& options, const ChooseCandidates& choose) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> boxes, labels{torch::empty({0}, torch::kLong)}, objects = labels;
  std::vector<torch::Tensor> deltas{torch::empty({0, 4})};
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    const ImageSample sample =
        sample_image(proposals[i], truth.objects[i], options, choose, truth.regions[i]);
    boxes.push_back(sample.boxes);
    labels.push_back(sample.labels);
    objects.push_back(sample.objects);
    deltas.push_back(sample.deltas);
  }
  auto [regions, order] = by_level(boxes, options.level_rule);
  return {std::move(regions), torch::cat(labels).index_select(0, order),
          torch::cat(objects).index_select(0, order), torch::cat(deltas).index_select(0, order)};
}

torch::Tensor mask_targets(const SampledRegions& sampled, const torch::Tensor& positive,
                           const RcnnTruth& truth, const RoiOptions& options) {
  const torch::NoGradGuard no_grad;
  const std::int64_t size = 2 * options.mask_size;
  const torch::Tensor boxes = sampled.regions.boxes.index_select(0, positive);
  const torch::Tensor images = sampled.regions.images.index_select(0, positive);
  const torch::Tensor objects = sampled.objects.index_select(0, positive);
  torch::Tensor targets = torch::zeros({positive.size(0), size, size});
  RoiAlignOptions pooling;
  pooling.height = pooling.width = size;
  pooling.sampling_ratio = 0;
  for (std::size_t i = 0; i < truth.objects.size(); ++i) {
    const torch::Tensor here = torch::nonzero(images == static_cast<std::int64_t>(i)).squeeze(1);
    if (here.size(0) == 0) continue;
    targets.index_copy_(0, here,
                        image_targets(boxes.index_select(0, here), objects.index_select(0, here),
                                      truth.objects[i], truth.sizes[i], pooling));
  }
  return options.mask_target == MaskTarget::kRounded ? targets.round() : targets;
}

}  // namespace medsweep::models
