#include "models/mask_rcnn/objects.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cmath>
#include <stdexcept>

#include "models/mask_rcnn/image_transform.h"

namespace medsweep::models {
namespace {

constexpr float kOutsideTolerance = 1e-3F;

[[noreturn]] void refuse(const datasets::Batch& batch, std::size_t index, const RcnnTask& task,
                         const std::string& text) {
  throw std::invalid_argument(fmt::format("[mask_rcnn] sample '{}', task '{}': {}",
                                          batch.samples.at(index).name, task.name, text));
}

std::string box_fault(const float* box, const datasets::Extent& size) {
  const auto width = static_cast<float>(size.width), height = static_cast<float>(size.height);
  const std::string text = fmt::format("the box ({}, {}, {}, {})", box[0], box[1], box[2], box[3]);
  for (int i = 0; i < 4; ++i)
    if (!std::isfinite(box[i])) return text + " is not finite";
  if (!(box[2] > box[0]) || !(box[3] > box[1]))
    return text + " has no area; x1 < x2 and y1 < y2 are allowed";
  if (box[0] < -kOutsideTolerance || box[1] < -kOutsideTolerance ||
      box[2] > width + kOutsideTolerance || box[3] > height + kOutsideTolerance)
    return fmt::format("{} leaves the image of {} x {}; boxes inside are allowed", text, size.width,
                       size.height);
  return {};
}

std::string mask_fault(const datasets::Instances& instances, const datasets::Extent& size) {
  const torch::Tensor &masks = instances.masks, &minis = instances.mini_masks;
  if (minis.defined()) {
    if (minis.dim() == 3 && minis.size(0) == instances.boxes.size(0) && minis[0].numel() > 0)
      return {};
    return fmt::format("mini masks of {}; {} x height x width are allowed",
                       fmt::join(minis.sizes(), " x "), instances.boxes.size(0));
  }
  if (!masks.defined()) return "no masks; a mask for each object is allowed";
  if (masks.dim() != 3 || masks.size(0) != instances.boxes.size(0) ||
      masks.size(1) != size.height || masks.size(2) != size.width)
    return fmt::format("masks of {}; {} x {} x {} are allowed", fmt::join(masks.sizes(), " x "),
                       instances.boxes.size(0), size.height, size.width);
  return {};
}

// The first fault of an object that is no crowd, or an empty text.
std::string object_fault(const datasets::Instances& instances, const torch::Tensor& used,
                         const RcnnTask& task, const datasets::Extent& size) {
  const torch::Tensor boxes = instances.boxes.to(torch::kFloat).contiguous();
  const torch::Tensor labels = instances.labels.to(torch::kLong).contiguous();
  for (std::int64_t i = 0; i < boxes.size(0); ++i) {
    const std::string fault = box_fault(boxes.data_ptr<float>() + 4 * i, size);
    if (!fault.empty()) return fmt::format("object {}: {}", i, fault);
    const std::int64_t label = labels.data_ptr<std::int64_t>()[i];
    if (used.data_ptr<bool>()[i] && (label < 1 || label > task.classes))
      return fmt::format("object {}: label {}; 1 to {} are allowed", i, label, task.classes);
  }
  return {};
}

std::string empty_mask_fault(const torch::Tensor& masks, const torch::Tensor& used) {
  if (masks.size(0) == 0) return {};
  const torch::Tensor empty = used & ~masks.flatten(1).any(1);
  const torch::Tensor which = torch::nonzero(empty);
  if (which.size(0) == 0) return {};
  return fmt::format("object {}: its mask is empty; at least one pixel is allowed",
                     which[0].item<std::int64_t>());
}

}  // namespace

RcnnObjects objects_of(const datasets::Batch& batch, std::size_t index, const RcnnTask& task,
                       RcnnOutputs outputs) {
  const auto found = batch.targets.at(index).find(task.name);
  if (found == batch.targets[index].end() || !found->second.instances.defined())
    refuse(batch, index, task, "no objects are given; boxes and labels (perhaps none) are allowed");
  const datasets::Instances& instances = found->second.instances;
  const std::int64_t count = instances.boxes.size(0);
  if (instances.boxes.dim() != 2 || instances.boxes.size(1) != 4 ||
      instances.labels.numel() != count)
    refuse(batch, index, task,
           fmt::format("boxes of {} and {} labels; n x 4 and n are allowed",
                       fmt::join(instances.boxes.sizes(), " x "), instances.labels.numel()));
  const torch::Tensor used = instances.ignore.defined() ? (instances.ignore == 0).contiguous()
                                                        : torch::ones({count}, torch::kBool);
  std::string fault = object_fault(instances, used, task, batch.sizes.at(index));
  if (fault.empty() && outputs == RcnnOutputs::kMasks && count > 0)
    fault = mask_fault(instances, batch.sizes[index]);
  if (fault.empty() && outputs == RcnnOutputs::kMasks && count > 0)
    fault = empty_mask_fault(
        instances.mini_masks.defined() ? instances.mini_masks : instances.masks, used);
  if (!fault.empty()) refuse(batch, index, task, fault);

  const torch::Tensor kept = torch::nonzero(used).squeeze(1);
  RcnnObjects objects;
  const torch::Tensor boxes = instances.boxes.to(torch::kFloat);
  objects.boxes = boxes.index_select(0, kept);
  objects.labels = instances.labels.to(torch::kLong).index_select(0, kept);
  objects.crowds = boxes.index_select(0, torch::nonzero(~used).squeeze(1));
  if (outputs == RcnnOutputs::kBoxes || count == 0) return objects;
  const auto rows = [&](const torch::Tensor& masks) {
    return kept.size(0) == count ? masks : masks.index_select(0, kept);
  };
  if (instances.mini_masks.defined())
    objects.mini_masks = rows(instances.mini_masks);
  else
    objects.masks = rows(instances.masks);
  return objects;
}

RandomStream stream_of(const datasets::Batch& batch, std::size_t index, RcnnDraw draw,
                       std::size_t task) {
  if (index >= batch.random_keys.size())
    throw std::invalid_argument(
        fmt::format("[mask_rcnn] {} random keys for {} samples; one for each is allowed",
                    batch.random_keys.size(), batch.samples.size()));
  return RandomStream({batch.random_keys[index], static_cast<std::uint64_t>(RandomUse::kLayer),
                       static_cast<std::uint64_t>(draw) + 2 * static_cast<std::uint64_t>(task)});
}

RcnnTruth truth_of(const datasets::Batch& batch, const std::vector<datasets::Extent>& sizes,
                   const MaskRcnnOptions& options, std::size_t task) {
  RcnnTruth truth;
  truth.sizes = sizes;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    truth.objects.push_back(objects_of(batch, i, options.tasks.at(task), options.outputs));
    RcnnObjects& objects = truth.objects.back();
    objects.boxes = resize_boxes(objects.boxes, batch.sizes[i], sizes[i]);
    objects.crowds = resize_boxes(objects.crowds, batch.sizes[i], sizes[i]);
    truth.anchors.push_back(stream_of(batch, i, RcnnDraw::kAnchors, task));
    truth.regions.push_back(stream_of(batch, i, RcnnDraw::kRegions, task));
  }
  return truth;
}

}  // namespace medsweep::models
