#include "runner/trial_model.h"

#include <algorithm>

#include "models/mask_rcnn/rcnn_networks.h"
#include "models/precision.h"
#include "models/segmentation/networks.h"
#include "runner/trial_attention.h"
#include "runner/trial_rcnn.h"

namespace medsweep::runner {
namespace {

models::NetworkOptions network_options(const TrialSettings& settings, const DataShape& shape) {
  models::NetworkOptions options;
  options.in_channels = shape.channels;
  options.width = settings.model.get("width", options.width);
  options.depth = settings.model.get("depth", options.depth);
  options.widths = settings.model.get("widths", options.widths);
  if (settings.model.options.contains("widths")) options.depth = std::ssize(options.widths);
  options.down_convolutions = settings.model.get("down_convolutions", options.down_convolutions);
  options.up_convolutions = settings.model.get("up_convolutions", options.up_convolutions);
  options.auxiliary_weights = settings.model.get("auxiliary_weights", options.auxiliary_weights);
  if (settings.model.get("recompute", false))
    options.activations = models::Activations::kRecomputed;
  options.hybrid_stage = models::hybrid_stage_of(settings.model.get<std::string>("stage", "all"));
  options.layer_order = settings.model.get("order", options.layer_order);
  options.upsampling =
      models::upsampling_of(settings.model.get<std::string>("upsampling", "nearest"));
  options.normalization = settings.model.name_of("normalization", options.normalization);
  options.batch_statistics = models::batch_statistics_of(settings.batch_statistics);
  options.attention = placed_attention(settings);
  options.attention_places = settings.attention.get("place", options.attention_places);
  if (settings.patch.size() == 3) options.patch_slices = settings.patch.front();
  options.drop_block.keep = settings.model.get("keep", options.drop_block.keep);
  options.drop_block.size = settings.model.get("drop_block", options.drop_block.size);
  if (settings.backbone.name != "none") options.backbone = settings.backbone.name;
  options.auxiliary = settings.model.get("auxiliary", options.auxiliary);
  if (settings.model.options.contains("dropout"))
    options.dropout = settings.model.get("dropout", 0.0);
  options.file = settings.model.get("file", options.file);
  options.size_multiple = settings.model.get("size_multiple", options.size_multiple);
  return options;
}

std::vector<models::LossOptions> loss_options(const TrialSettings& settings) {
  std::vector<models::LossOptions> losses;
  for (const Named& loss : settings.loss) {
    models::LossOptions& options = losses.emplace_back();
    options.name = loss.name;
    options.factor = loss.get("weight", options.factor);
    options.over = models::dice_over_of(loss.get<std::string>("over", "sample"));
    if (loss.get("squared", false)) options.power = models::DicePower::kSquared;
    if (loss.get("background", false)) options.background = models::Background::kIncluded;
    options.class_weights = loss.get("class_weights", options.class_weights);
    if (!loss.get("adaptive", true)) options.weighting = models::ClassWeighting::kFixed;
    options.alpha = loss.get("alpha", options.alpha);
    options.beta = loss.get("beta", options.beta);
    options.gamma = loss.get("gamma", options.gamma);
    options.temperature = loss.get("temperature", options.temperature);
    options.anchors = loss.get("anchors", options.anchors);
    options.hard = loss.get("hard", options.hard);
    options.dimension = loss.get("dimension", options.dimension);
  }
  return losses;
}

}  // namespace

models::Activation activation_of(const TrialSettings& settings) {
  if (settings.activation != "auto") return models::activation_of(settings.activation);
  const bool binary =
      std::ranges::any_of(settings.loss, [](const Named& loss) { return loss.name == "bce"; });
  return binary ? models::Activation::kSigmoid : models::Activation::kSoftmax;
}

std::int64_t dimensions_of(const TrialSettings& settings) {
  return finds_objects(settings) ? 2 : models::network_dimensions(settings.model.name);
}

models::SegmentationModelOptions model_options(const TrialSettings& settings,
                                               const DataShape& shape) {
  models::SegmentationModelOptions options;
  options.network = settings.model.name;
  options.network_options = network_options(settings, shape);
  options.classes = shape.classes;
  options.regions = shape.regions;
  options.activation = activation_of(settings);
  options.losses = loss_options(settings);
  options.precision = models::precision_of(settings.precision);
  options.layout = settings.channels_last ? models::MemoryLayout::kChannelsLast
                                          : models::MemoryLayout::kContiguous;
  options.threshold = settings.threshold;
  options.threshold_on = models::threshold_on_of(settings.threshold_on);
  options.init = settings.init;
  options.seed = static_cast<std::uint64_t>(settings.seed);
  return options;
}

std::shared_ptr<models::Model> make_model(const TrialSettings& settings, const DataShape& shape) {
  if (finds_objects(settings)) return models::make_rcnn(rcnn_options(settings, shape));
  return std::make_shared<models::SegmentationModel>(model_options(settings, shape));
}

}  // namespace medsweep::runner
