#include "runner/trial_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/color_mode.h"
#include "datasets/data_file.h"
#include "models/backbones/resnet.h"
#include "models/layers/ordered_convolution.h"
#include "models/mask_rcnn/train_layers.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/networks.h"
#include "runner/metrics/all_metrics.h"
#include "runner/settings.h"
#include "runner/trial_model.h"
#include "runner/trial_rcnn.h"
#include "runner/trial_transfer.h"

namespace medsweep::runner {
namespace {

using datasets::DataFileSummary;

TrialSettings settings_of(std::string_view knobs) {
  sweeps::Trial trial;
  trial.knobs = knobs;
  return read_settings(trial);
}

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

/// Of a network of label maps.
models::NetworkShape shape_of_network(const TrialSettings& settings) {
  return models::network_shape(settings.model.name, model_options(settings, {}).network_options);
}

/// Samples whose statistics a batch normalisation takes together, at least.
std::int64_t samples_of_statistics(const TrialSettings& settings) {
  if (settings.batch_statistics != "per_shard") return settings.batch_size;
  return settings.batch_size / std::max<std::int64_t>(1, settings.shards);
}

std::string later(std::string_view knob, std::string_view what) {
  return fmt::format("[{}] {} comes in a later version; leave it out", knob, what);
}

std::string refuse_later(const TrialSettings& settings) {
  if (finds_objects(settings)) return {};
  if (!settings.tasks.empty()) return later("tasks", "several tasks in a network of label maps");
  if (settings.stages.size() > 1 || settings.stages.front().layers != "all")
    return later("stages", "stages of a network of label maps");
  return {};
}

std::string backbone_name(const TrialSettings& settings) {
  if (settings.backbone.name != "none") return settings.backbone.name;
  if (finds_objects(settings)) return std::string(models::kDefaultBackbone);
  return std::string(models::default_backbone(settings.model.name));
}

std::string refuse_stages(const TrialSettings& settings) {
  std::vector<std::string_view> known;
  for (const Row& row : models::train_layers_rows()) known.push_back(row.name);
  const std::string backbone = backbone_name(settings);
  for (const StageSettings& stage : settings.stages) {
    if (std::ranges::find(known, stage.layers) == known.end())
      return unknown_name("stages.layers", stage.layers, known);
    if (stage.layers.starts_with("resnet") && !backbone.starts_with("res"))
      return fmt::format("[train_layers] '{}' of {}; all, heads, rpn are allowed", stage.layers,
                         backbone);
  }
  return {};
}

std::vector<std::string_view> networks_with_backbones() {
  std::vector<std::string_view> names = rcnn_names();
  for (const Row& row : models::network_rows())
    if (models::takes_backbone(row.name)) names.push_back(row.name);
  return names;
}

/// Knobs of some networks must not seem to work elsewhere.
std::string refuse_unused(const TrialSettings& settings) {
  if (finds_objects(settings)) return {};
  const auto refuse = [&](std::string_view knob, const Named& value,
                          const std::vector<std::string_view>& others) {
    return fmt::format("[{}] '{}' in {}; 'none' is allowed, others in {}", knob, value.name,
                       settings.model.name, fmt::join(others, ", "));
  };
  if (settings.feature_share.name != "none")
    return refuse("feature_share", settings.feature_share, rcnn_names());
  if (settings.backbone.name != "none" && !models::takes_backbone(settings.model.name))
    return refuse("backbone", settings.backbone, networks_with_backbones());
  return {};
}

std::string refuse_tasks(const TrialSettings& settings) {
  if (settings.feature_share.name != "none" && settings.tasks.size() != 2)
    return fmt::format(
        "[feature_share] \"{}\" with {} tasks; two, as tasks = [[\"lv\"], "
        "[\"myo\"]], are allowed",
        settings.feature_share.name, settings.tasks.size());
  return {};
}

std::string refuse_weights(const TrialSettings& settings) {
  const std::string& weights = settings.weights;
  const bool of_a_trial = weights == "last" || weights.starts_with("trial:");
  for (const std::string_view ending : {".safetensors", ".pth", ".pt"})
    if (weights.ends_with(ending)) return {};
  if (is_published(weights)) weights_file(settings);  // throws where it is not there
  if (weights.empty() || of_a_trial || is_published(weights)) return {};
  return fmt::format(
      "[weights] '{}'; a .safetensors, .pth or .pt file, \"imagenet\", \"imagenet_v2\", \"coco\", "
      "\"trial:NAME\", \"trial:STUDY/NAME\" and \"last\" are allowed",
      weights);
}

std::string refuse_colors(const TrialSettings& settings) {
  if (dimensions_of(settings) == 3 && settings.color_mode != "all")
    return fmt::format("[color_mode] \"{}\" of volumes; \"all\" is allowed", settings.color_mode);
  return {};
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

/// Split attention normalises one value a sample and channel.
std::string refuse_split(const TrialSettings& settings) {
  if (settings.attention.name != "split" || !has_batch_normalization(settings) ||
      settings.batch_statistics == "frozen")
    return {};
  const std::int64_t together = settings.batch_statistics == "per_shard"
                                    ? settings.batch_size / settings.shards
                                    : settings.batch_size;
  if (together > 1) return {};
  return fmt::format(
      "[attention.split] {} sample a batch normalisation; at least 2, or a network with "
      "normalization = \"group\", are allowed",
      together);
}

std::string refuse_metric(const std::string& metric, std::string_view where) {
  if (metric == "loss") return {};
  try {
    direction_of_any(metric);
    return {};
  } catch (const std::invalid_argument& error) {
    return fmt::format("[{}] {}", where, error.what());
  }
}

std::string refuse_metrics(const TrialSettings& settings) {
  for (const std::string& metric : settings.metrics)
    if (auto text = refuse_metric(metric, "metrics"); !text.empty()) return text;
  const std::string& checkpoint = settings.evaluate.checkpoint;
  if (checkpoint.starts_with("best:")) {
    if (auto text = refuse_metric(checkpoint.substr(5), "evaluate.checkpoint"); !text.empty())
      return text;
  } else if (checkpoint != "last") {
    return fmt::format("[evaluate.checkpoint] \"{}\"; \"last\" and \"best:METRIC\" are allowed",
                       checkpoint);
  }
  if (settings.schedule.name == "plateau")
    return refuse_metric(settings.schedule.get<std::string>("metric", "loss"), "schedule.metric");
  return {};
}

std::string refuse_for_data(const TrialSettings& settings, const DataFileSummary& data,
                            const std::string& file) {
  std::vector<std::string> wanted = settings.classes;
  for (const auto& task : settings.tasks)
    for (const auto& name : task) wanted.push_back(name.get<std::string>());
  for (const std::string& name : wanted) {
    if (std::ranges::find(data.classes, name) != data.classes.end()) continue;
    const bool is_region =
        std::ranges::find(data.regions, name, &datasets::Region::name) != data.regions.end();
    if (!is_region || finds_objects(settings))
      return fmt::format("[classes] '{}' is not in {}; it has {}", name, file,
                         fmt::join(data.classes, ", "));
    if (activation_of(settings) == models::Activation::kSoftmax)
      return fmt::format(
          "[activation] softmax with '{}', which is made of several classes of {}; activation = "
          "\"sigmoid\" is allowed",
          name, file);
  }
  const std::int64_t dimensions = dimensions_of(settings);
  if (data.dimension == 2 && dimensions == 3)
    return fmt::format(
        "[dataset] {} holds images, {} takes volumes; `runner prepare` with --dimension 3 makes a "
        "file of volumes where the data set has them",
        file, settings.model.name);
  if (data.dimension != dimensions)
    return fmt::format(
        "[dataset] {} holds volumes, {} takes images; `runner prepare` with --dimension 2 makes a "
        "file of slices where the data set has them",
        file, settings.model.name);
  datasets::color_mode_channels(settings.color_mode, data.channels);
  return {};
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

}  // namespace

std::optional<DataFileSummary> known_data(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, std::optional<DataFileSummary>> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(path);
  if (found != known.end()) return found->second;
  return known[path] = datasets::summarize(path);
}

std::vector<std::string> knobs_without_effect(std::string_view knobs) {
  const TrialSettings settings = settings_of(knobs);
  std::vector<std::string> idle;
  if (finds_objects(settings)) {
    idle = {"patch", "patches_per_image", "foreground",   "overlap", "loss", "activation",
            "init",  "threshold",         "threshold_on", "mirror"};
    if (settings.resize == "none") idle.emplace_back("size");
    if (settings.resize != "none") idle.emplace_back("group_by");
    if (!has_batch_normalization(settings)) idle.emplace_back("batch_statistics");
    if (settings.batch_statistics != "per_shard") idle.emplace_back("shards");
    return idle;
  }
  idle = {"feature_share", "profile", "train_layers", "objects"};
  if (!models::takes_backbone(settings.model.name)) idle.emplace_back("backbone");
  if (settings.patch.empty())
    idle.insert(idle.end(), {"patches_per_image", "foreground", "overlap"});
  if (settings.resize == "none") idle.emplace_back("size");
  if (settings.resize != "none" || !settings.patch.empty()) idle.emplace_back("group_by");
  if (settings.model.name == models::kTorchScript)
    idle.insert(idle.end(), {"init", "batch_statistics", "shards"});
  if (activation_of(settings) == models::Activation::kSoftmax) {
    idle.emplace_back("threshold");
    idle.emplace_back("threshold_on");
  }
  if (!has_batch_normalization(settings)) idle.emplace_back("batch_statistics");
  if (settings.batch_statistics != "per_shard" || !has_batch_normalization(settings))
    idle.emplace_back("shards");
  return idle;
}

std::string refusal_of(std::string_view knobs) {
  try {
    const TrialSettings settings = settings_of(knobs);
    for (const auto rule :
         {refuse_later, refuse_unused, refuse_stages, refuse_tasks, refuse_weights, refuse_colors,
          refuse_extent, refuse_batch, refuse_split, refuse_metrics, refuse_model})
      if (std::string text = rule(settings); !text.empty()) return text;
    for (const DataSource& source : settings.dataset)
      if (const auto data = known_data(source.file))
        if (std::string text = refuse_for_data(settings, *data, source.file); !text.empty())
          return text;
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

std::optional<std::string> data_digest_of(const std::string& path) {
  const bool is_weights =
      std::ranges::any_of(std::array<std::string_view, 3>{".safetensors", ".pth", ".pt"},
                          [&](std::string_view ending) { return path.ends_with(ending); });
  if (is_weights) {
    if (!std::filesystem::exists(path)) return std::nullopt;
    return sha256_hex(read_file(path));
  }
  const auto summary = known_data(path);
  if (!summary) return std::nullopt;
  return summary->digest;
}

}  // namespace medsweep::runner
