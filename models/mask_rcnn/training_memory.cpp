#include "models/mask_rcnn/training_memory.h"

#include <torch/torch.h>

#include <algorithm>
#include <utility>

#include "models/activation_memory.h"
#include "models/mask_rcnn/image_transform.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kSide = 64;     // the step of the coarsest level: larger sides are multiples
constexpr std::int64_t kRegions = 32;  // sampled per image
constexpr std::int64_t kObjects = 16;  // enough for the positive ones

/// linear * x + square * x * x, of what grows with the pixels.
struct Growth {
  double linear = 0, square = 0;
  double at(double x) const { return linear * x + square * x * x; }
};

/// Another network in nothing but how much it samples, and that its anchors fit small images.
MaskRcnnOptions measured_options(MaskRcnnOptions options) {
  options.image.resize = RcnnResize::kNone;
  options.image.multiple = kSide;
  for (auto& sizes : options.rpn.anchors.sizes) std::fill(sizes.begin(), sizes.end(), 16.0);
  options.roi.sampling.per_image = kRegions;
  options.roi.ground_truth = GroundTruthProposals::kAppended;
  return options;
}

datasets::Instances small_objects(const datasets::Extent& size) {
  datasets::Instances objects;
  objects.boxes = torch::tensor({4.F, 4.F, 12.F, 12.F}).expand({kObjects, 4}).contiguous();
  objects.labels = torch::ones({kObjects}, torch::kByte);
  objects.ignore = torch::zeros({kObjects}, torch::kByte);
  objects.masks = torch::zeros({kObjects, size.height, size.width}, torch::kByte);
  objects.masks.narrow(1, 4, 8).narrow(2, 4, 8).fill_(1);
  return objects;
}

datasets::Batch measured_batch(const MaskRcnnOptions& options, const datasets::Extent& size) {
  datasets::Sample sample;
  sample.image = torch::zeros({options.backbone_options.in_channels, size.height, size.width});
  for (const auto& task : options.tasks) sample.targets[task.name] = {{}, small_objects(size)};
  return datasets::collate({sample}, kSide, options.backbone_options.in_channels);
}

/// The first of the candidates, a share of the count that is asked for.
ChooseCandidates choose_share(const std::shared_ptr<const double>& share) {
  return [share](const torch::Tensor& candidates, std::int64_t count, RandomStream&) {
    return candidates.narrow(0, 0, static_cast<std::int64_t>(*share * static_cast<double>(count)));
  };
}

}  // namespace

RcnnTrainingMemory::RcnnTrainingMemory(const MaskRcnnOptions& options)
    : options_(options), share_(std::make_shared<double>(1)) {
  model_ = std::make_shared<MaskRcnn>(measured_options(options), choose_share(share_));
  model_->train();
}

TrainableCounts RcnnTrainingMemory::train(std::string_view layers) {
  return set_train_layers(*model_, layers);
}

RcnnTrainingMemory::Measured RcnnTrainingMemory::measure(std::int64_t height, std::int64_t width,
                                                         double share_of_regions) {
  *share_ = share_of_regions;
  const datasets::Batch batch = measured_batch(options_, {height * kSide, width * kSide});
  // Parameters stand in the order of the forward pass, but for what tasks share.
  torch::Tensor first;
  for (const auto& parameter : model_->named_parameters())
    if (!first.defined() && parameter->requires_grad() && !parameter.key().starts_with("share."))
      first = parameter.value();
  Measured measured;
  const auto loss = [&] {
    Losses losses = model_->loss(batch);
    for (const auto& [name, one] : losses)
      if (name.ends_with("loss_classifier"))
        measured.regions += one.weight / static_cast<double>(options_.tasks.size());
    return losses;
  };
  const StepBytes bytes = step_bytes(loss, first);
  measured.kept = static_cast<double>(bytes.kept);
  measured.passing = static_cast<double>(bytes.peak - bytes.kept);
  return measured;
}

double RcnnTrainingMemory::pixels_of(const datasets::Extent& size) const {
  const RcnnImageTransform transform(options_);
  const auto& sizes = options_.image.min_sizes;
  const datasets::Extent input =
      transform.resized(size, *std::max_element(sizes.begin(), sizes.end()));
  return static_cast<double>(datasets::round_up(input.height, options_.image.multiple) *
                             datasets::round_up(input.width, options_.image.multiple));
}

bool RcnnTrainingMemory::attends_to_maps() const {
  return !options_.backbone_options.attention.empty() || options_.attention.contains("fpn");
}

std::int64_t RcnnTrainingMemory::activation_bytes(std::int64_t samples,
                                                  const datasets::Extent& size) {
  const double area = pixels_of(size) / (kSide * kSide);
  const auto per_image = static_cast<double>(options_.roi.sampling.per_image);
  const Measured many = measure(1, 2, 1), few = measure(1, 2, 0.25), large = measure(2, 2, 0.25);
  const double regions = many.regions - few.regions;
  const double region = regions > 0 ? (many.kept - few.kept) / regions : 0;
  // kept = constant + growth(area) + region * regions; passing = growth(area)
  Growth kept{(large.kept - few.kept) / 2}, passing{large.passing / 4};
  if (attends_to_maps()) {
    const Measured larger = measure(2, 4, 0.25);
    kept.square = (larger.kept - 3 * large.kept + 2 * few.kept) / 24;
    kept.linear -= 6 * kept.square;
    passing.square = std::max(0.0, (larger.passing - 2 * large.passing) / 32);
    passing.linear -= 4 * passing.square;
  }
  const double constant = few.kept - region * few.regions - kept.at(2);
  const double of_regions = regions > 0 ? many.passing * per_image / many.regions : 0;
  const double an_image =
      kept.at(area) + region * per_image + std::max(passing.at(area), of_regions);
  return static_cast<std::int64_t>(static_cast<double>(samples) * an_image +
                                   std::max(constant, 0.0));
}

}  // namespace medsweep::models
