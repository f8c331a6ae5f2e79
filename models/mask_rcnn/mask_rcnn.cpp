#include "models/mask_rcnn/mask_rcnn.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "models/init.h"
#include "models/layers/batch_norm.h"
#include "models/mask_rcnn/losses.h"
#include "models/mask_rcnn/objects.h"
#include "models/operators/boxes.h"
#include "models/operators/paste_masks.h"
#include "models/parameters.h"

namespace medsweep::models {
namespace {

constexpr std::size_t kSharedLevels = 5;

const MaskRcnnOptions& checked(const MaskRcnnOptions& options) {
  check_options(options);
  return options;
}

std::string loss_name(const MaskRcnnOptions& options, std::size_t task, const std::string& name) {
  return options.tasks.size() == 1 ? name : options.tasks[task].name + "." + name;
}

bool is_normalization(const torch::nn::Module& module) {
  return module.as<BatchNorm2dImpl>() != nullptr || module.as<torch::nn::GroupNorm>() != nullptr ||
         module.as<torch::nn::InstanceNorm2d>() != nullptr;
}

Detections detections_of(const FoundObjects& found, const datasets::Extent& size,
                         double threshold) {
  Detections detections{found.boxes, found.scores, found.labels};
  if (found.masks.defined())
    detections.masks = (paste_masks(found.masks, found.boxes, size) > threshold).to(torch::kByte);
  return detections;
}

}  // namespace

MaskRcnn::MaskRcnn(const MaskRcnnOptions& options, ChooseCandidates choose)
    : options_(checked(options)), choose_(std::move(choose)), transform_(options) {
  std::uint64_t index = 0;
  for (const auto& task : options.tasks) {
    towers_.emplace_back(options, task);
    index = initialize_tower(*towers_.back(), options.seed, index);
  }
  share_ = FeatureExchange(options.share, options.pyramid_channels, kSharedLevels);
  initialize(*share_, "uniform", options.seed, index);
  if (options.share == FeatureShare::kConcat) register_module("share", share_);
  if (towers_.size() == 1) {
    for (const auto& child : towers_.front()->named_children())
      register_module(child.key(), child.value());
  } else {
    const auto tasks = register_module("tasks", torch::nn::ModuleList());
    for (const auto& tower : towers_) tasks->push_back(tower);
  }
  set_memory_layout(*this, options.layout);
}

FeatureExchangeImpl::Pyramids MaskRcnn::pyramids_of(const torch::Tensor& images) {
  FeatureExchangeImpl::Pyramids pyramids;
  for (auto& tower : towers_) pyramids.push_back(tower->backbone->forward(images));
  const AutocastGuard autocast(options_.precision, images.device().type());
  return share_->forward(pyramids);
}

// Frozen heads learn nothing from losses of their own, which would only pull at the pyramid.
bool MaskRcnn::trains_heads(std::size_t task) const {
  const auto parameters = towers_[task]->roi_heads->parameters();
  return std::ranges::any_of(parameters, [](const auto& tensor) { return tensor.requires_grad(); });
}

Losses MaskRcnn::task_loss(std::size_t task, const std::vector<torch::Tensor>& pyramid,
                           const RcnnInput& input, const datasets::Batch& batch) {
  auto& tower = *towers_[task];
  const RcnnTruth truth = truth_of(batch, input.sizes, options_, task);
  const RpnOutput output = tower.rpn->forward(pyramid, input.extent());
  Losses losses = tower.rpn->loss(output, truth, choose_);
  if (!trains_heads(task)) return losses;
  const RcnnPhase phase = is_training() ? RcnnPhase::kTraining : RcnnPhase::kPrediction;
  const auto proposals = tower.rpn->propose(output, input.sizes, phase);
  losses.merge(tower.roi_heads->loss(pyramid, proposals, truth, choose_));
  return losses;
}

Losses MaskRcnn::loss(const datasets::Batch& batch) {
  const RcnnInput input =
      transform_.forward(batch, is_training() ? RcnnPhase::kTraining : RcnnPhase::kPrediction);
  const auto pyramids = pyramids_of(input.images);
  Losses losses;
  for (std::size_t task = 0; task < towers_.size(); ++task)
    for (auto& [name, loss] : task_loss(task, pyramids[task], input, batch))
      losses[loss_name(options_, task, name)] = std::move(loss);
  if (options_.mean_square_decay > 0)
    losses["loss_l2"] = mean_square_loss(decayed_tensors(), options_.mean_square_decay);
  return losses;
}

std::vector<torch::Tensor> MaskRcnn::decayed_tensors() const {
  std::vector<torch::Tensor> tensors;
  for (const auto& module : modules(/*include_self=*/false)) {
    if (is_normalization(*module)) continue;
    for (const auto& parameter : module->parameters(/*recurse=*/false))
      if (parameter.requires_grad()) tensors.push_back(parameter);
  }
  return tensors;
}

std::optional<LossWeights> MaskRcnn::loss_weights(const datasets::Batch&) const {
  return std::nullopt;
}

std::vector<std::map<std::string, FoundObjects>> MaskRcnn::find(const datasets::Batch& batch) {
  const torch::NoGradGuard no_grad;
  const RcnnInput input = transform_.forward(batch, RcnnPhase::kPrediction);
  const auto pyramids = pyramids_of(input.images);
  std::vector<std::map<std::string, FoundObjects>> samples(batch.sizes.size());
  for (std::size_t task = 0; task < towers_.size(); ++task) {
    auto& tower = *towers_[task];
    const RpnOutput output = tower.rpn->forward(pyramids[task], input.extent());
    const auto proposals = tower.rpn->propose(output, input.sizes, RcnnPhase::kPrediction);
    auto found = tower.roi_heads->find(pyramids[task], proposals, input.sizes);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const datasets::Extent& size = batch.sizes[i];
      found[i].boxes = clip_boxes(resize_boxes(found[i].boxes, input.sizes[i], size), size);
      samples[i][options_.tasks[task].name] = std::move(found[i]);
    }
  }
  return samples;
}

Predictions MaskRcnn::predict(const datasets::Batch& batch) {
  const auto samples = find(batch);
  Predictions predictions(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i)
    for (const auto& [task, found] : samples[i])
      predictions[i].detections[task] =
          detections_of(found, batch.sizes[i], options_.detection.mask_threshold);
  return predictions;
}

torch::Tensor MaskRcnn::label_map(const torch::Tensor&) const {
  throw std::logic_error("[mask_rcnn] objects are no map of probabilities");
}

}  // namespace medsweep::models
