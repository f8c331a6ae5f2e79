#include "runner/network_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "datasets/color_mode.h"
#include "models/backbones/resnet.h"
#include "models/layers/ordered_convolution.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/networks.h"
#include "runner/trial_model.h"
#include "runner/trial_rcnn.h"
#include "runner/trial_rules.h"

namespace medsweep::runner {
namespace {

/// Of a network of label maps.
models::NetworkShape shape_of_network(const TrialSettings& settings) {
  return models::network_shape(settings.model.name, model_options(settings, {}).network_options);
}

/// Samples whose statistics a batch normalisation takes together, at least.
std::int64_t samples_of_statistics(const TrialSettings& settings) {
  if (settings.batch_statistics != "per_shard") return settings.batch_size;
  return settings.batch_size / std::max<std::int64_t>(1, settings.shards);
}

/// Networks that look at means of whole maps have one number of each to be normalised.
std::string refuse_few_samples(const TrialSettings& settings, bool normalized) {
  const std::int64_t least = finds_objects(settings)
                                 ? models::backbone_least_samples(backbone_name(settings))
                                 : shape_of_network(settings).least_samples;
  const std::int64_t samples = samples_of_statistics(settings);
  if (!normalized || settings.batch_statistics == "frozen" || samples >= least) return {};
  return fmt::format(
      "[batch_size] {} sample a batch normalisation in {} on {}; at least {}, or another "
      "normalization, are allowed",
      samples, settings.model.name, backbone_name(settings), least);
}

/// The deepest maps of an image or patch must hold a block.
std::string refuse_drop_block(const TrialSettings& settings,
                              const models::NetworkOptions& network) {
  const std::vector<std::int64_t>& sides = settings.patch.empty() ? settings.size : settings.patch;
  if (settings.model.name != "sa_unet" || network.drop_block.keep == 1 || sides.empty()) return {};
  const std::int64_t least = network.drop_block.size << (network.depth - 1);
  if (std::ranges::min(sides) >= least) return {};
  return fmt::format(
      "[model.sa_unet] drop_block = {} and depth = {} on {}; sides of at least {}, or keep = 1, "
      "are allowed",
      network.drop_block.size, network.depth, fmt::join(sides, " x "), least);
}

/// How many classes there are; where only the data file could say and is not there, as many as a
/// loss has weights for.
std::int64_t known_classes(const TrialSettings& settings, const models::LossOptions& loss) {
  if (!settings.classes.empty()) return std::ssize(settings.classes);
  if (const auto data = known_data(settings.dataset.front().file)) return std::ssize(data->classes);
  return std::max<std::int64_t>(std::ssize(loss.class_weights) - 1, 1);
}

/// A script is read when the study is, where it is there yet.
std::string refuse_script(const models::NetworkOptions& network, const TrialSettings& settings) {
  if (!network.file.ends_with(".pt") && !network.file.ends_with(".pth"))
    return fmt::format("[model.torchscript] file '{}'; a .pt or .pth file is allowed",
                       network.file);
  if (settings.ranks_per_trial > 1)
    return fmt::format(
        "[ranks_per_trial] {}: a torchscript network's normalisations know no other rank; 1 is "
        "allowed",
        settings.ranks_per_trial);
  if (std::filesystem::exists(network.file)) models::make_network(models::kTorchScript, network);
  return {};
}

}  // namespace

bool has_batch_normalization(const TrialSettings& settings) {
  if (settings.model.options.contains("order"))
    return settings.model.get<std::string>("order", "").find('b') != std::string::npos ||
           settings.attention.name == "cbam";
  if (finds_objects(settings))
    return settings.model.get<std::string>("normalization", "batch") == "batch" ||
           settings.model.name == "mask_rcnn_v2" || settings.color_mode == "gray_enhanced";
  return settings.model.name_of("normalization", "batch") == "batch" ||
         settings.attention.name == "cbam" ||
         (settings.attention.name == "attention_gate" &&
          settings.attention.get<std::string>("normalization", "batch") == "batch");
}

std::string backbone_name(const TrialSettings& settings) {
  if (settings.backbone.name != "none") return settings.backbone.name;
  if (finds_objects(settings)) return std::string(models::kDefaultBackbone);
  return std::string(models::default_backbone(settings.model.name));
}

std::string refuse_extent(const TrialSettings& settings) {
  if (settings.resize != "none" && dimensions_of(settings) == 3)
    return fmt::format(
        "[resize] \"{}\" of volumes; \"none\" is allowed (`runner prepare --spacing` resamples)",
        settings.resize);
  if (settings.resize != "none" && settings.size.size() != 2)
    return fmt::format("[size] {} numbers; resize = \"{}\" needs [height, width]",
                       settings.size.size(), settings.resize);
  if (settings.patch.empty()) return {};
  if (finds_objects(settings))
    return fmt::format("[patch] {} takes whole images; resize and size make them smaller",
                       settings.model.name);
  const std::int64_t dimensions = dimensions_of(settings);
  if (std::ssize(settings.patch) != dimensions)
    return fmt::format("[patch] {} numbers; {} takes {}", settings.patch.size(),
                       settings.model.name,
                       dimensions == 3 ? "[depth, height, width]" : "[height, width]");
  const models::NetworkShape shape = shape_of_network(settings);
  for (const std::int64_t side : settings.patch)
    if (side % shape.size_multiple != 0)
      return fmt::format("[patch] {}; {} takes multiples of {}", side, settings.model.name,
                         shape.size_multiple);
  if (dimensions == 3 && std::min(settings.patch[1], settings.patch[2]) < shape.smallest_plane)
    return fmt::format("[patch] {}; {} takes heights and widths of at least {}",
                       fmt::join(settings.patch, " x "), settings.model.name, shape.smallest_plane);
  // Two voxels at the deepest level, for the normalisations.
  if (dimensions == 3 && (std::ranges::min(settings.patch) < shape.smallest_side ||
                          std::ranges::max(settings.patch) < shape.largest_side))
    return fmt::format("[patch] {}; {} takes sides of at least {}, one of at least {}",
                       fmt::join(settings.patch, " x "), settings.model.name, shape.smallest_side,
                       shape.largest_side);
  return {};
}

std::string refuse_batch(const TrialSettings& settings) {
  const bool normalized = has_batch_normalization(settings);
  if (settings.batch_size < settings.ranks_per_trial)
    return fmt::format(
        "[batch_size] {} leaves a rank of {} without a sample; at least {} is "
        "allowed",
        settings.batch_size, settings.ranks_per_trial, settings.ranks_per_trial);
  if (settings.batch_statistics == "per_shard" &&
      (settings.shards < 1 || settings.shards > settings.batch_size ||
       settings.shards % settings.ranks_per_trial != 0))
    return fmt::format(
        "[shards] {} with batch_size = {} on {} ranks a trial; a multiple of the "
        "ranks up to the batch size is allowed",
        settings.shards, settings.batch_size, settings.ranks_per_trial);
  if (auto text = refuse_few_samples(settings, normalized); !text.empty()) return text;
  if (settings.micro_batch_size > 0 && normalized && settings.batch_statistics != "frozen")
    return fmt::format(
        "[micro_batch_size] {} with batch_statistics = \"{}\": a batch's statistics "
        "need the whole batch at once; \"frozen\", or a network with normalization "
        "= \"{}\", is allowed",
        settings.micro_batch_size, settings.batch_statistics,
        finds_objects(settings) ? "frozen_batch" : "group");
  return {};
}

/// Building the options finds what the network and the losses refuse.
std::string refuse_model(const TrialSettings& settings) {
  if (finds_objects(settings)) {
    const std::int64_t channels = datasets::color_mode_channels(settings.color_mode, 1);
    const models::MaskRcnnOptions options = rcnn_options(settings, {channels, 1});
    models::check_options(options);
    mini_mask_size(settings);
    return {};
  }
  const models::SegmentationModelOptions options = model_options(settings, {});
  const std::int64_t features = models::gives_features(options.network) ? 1 : 0;
  bool of_logits = false;
  for (const models::LossOptions& loss : options.losses)
    of_logits |=
        !models::make_loss(loss, {known_classes(settings, loss), options.activation, features})
             ->takes_features();
  if (!of_logits)
    return fmt::format("[loss] '{}' alone; beside another (dice_ce, bce ...) is allowed",
                       options.losses.front().name);
  const models::NetworkOptions& network = options.network_options;
  if (options.network == models::kTorchScript) return refuse_script(network, settings);
  models::check_layer_order(network.layer_order);
  if (network.attention.name == "cam" && features == 0)
    return fmt::format(
        "[attention] 'cam' in {}, whose features it does not see; unet, retina_unet, "
        "sa_unet are allowed",
        options.network);
  models::check_attention_fits(network, shape_of_network(settings));
  return refuse_drop_block(settings, network);
}

}  // namespace medsweep::runner
