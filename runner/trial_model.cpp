#include "runner/trial_model.h"

#include <algorithm>

#include "models/mask_rcnn/rcnn_networks.h"
#include "models/precision.h"
#include "runner/trial_attention.h"
#include "runner/trial_rcnn.h"

namespace medsweep::runner {
namespace {

models::NetworkOptions network_options(const TrialSettings& settings, const DataShape& shape) {
  models::NetworkOptions options;
  options.in_channels = shape.channels;
  options.width = settings.model.get("width", options.width);
  options.depth = settings.model.get("depth", options.depth);
  options.normalization = settings.model.name_of("normalization", options.normalization);
  options.batch_statistics = models::batch_statistics_of(settings.batch_statistics);
  options.attention = placed_attention(settings);
  options.attention_places = settings.attention.get("place", options.attention_places);
  options.drop_block.keep = settings.model.get("keep", options.drop_block.keep);
  options.drop_block.size = settings.model.get("drop_block", options.drop_block.size);
  return options;
}

std::vector<models::LossOptions> loss_options(const TrialSettings& settings) {
  std::vector<models::LossOptions> losses;
  for (const Named& loss : settings.loss)
    losses.push_back({loss.name, loss.get("weight", 1.0),
                      models::dice_over_of(loss.get<std::string>("over", "sample")),
                      loss.get("alpha", 0.5), loss.get("beta", 0.5), loss.get("gamma", 1.0)});
  return losses;
}

}  // namespace

models::Activation activation_of(const TrialSettings& settings) {
  if (settings.activation != "auto") return models::activation_of(settings.activation);
  const bool binary =
      std::ranges::any_of(settings.loss, [](const Named& loss) { return loss.name == "bce"; });
  return binary ? models::Activation::kSigmoid : models::Activation::kSoftmax;
}

models::SegmentationModelOptions model_options(const TrialSettings& settings,
                                               const DataShape& shape) {
  models::SegmentationModelOptions options;
  options.network = settings.model.name;
  options.network_options = network_options(settings, shape);
  options.classes = shape.classes;
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
