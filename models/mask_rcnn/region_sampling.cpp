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
    // Of thousands of objects only those that were sampled are resized.
    const auto [which, position] =
        at::_unique(objects.index_select(0, here), /*sorted=*/true, /*return_inverse=*/true);
    const torch::Tensor masks = resized_masks(truth.objects[i], which, truth.sizes[i]);
    const torch::Tensor rois =
        torch::cat({position.unsqueeze(1).to(torch::kFloat), boxes.index_select(0, here)}, 1);
    targets.index_copy_(0, here, roi_align(masks, rois, pooling).squeeze(1));
  }
  return options.mask_target == MaskTarget::kRounded ? targets.round() : targets;
}

}  // namespace medsweep::models
