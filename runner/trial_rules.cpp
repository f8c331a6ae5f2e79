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
#include "models/mask_rcnn/train_layers.h"
#include "models/segmentation/attention_slots.h"
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
  if (finds_objects(settings))
    return settings.model.get<std::string>("normalization", "batch") == "batch" ||
           settings.model.name == "mask_rcnn_v2" || settings.color_mode == "gray_enhanced";
  return settings.model.name_of("normalization", "batch") == "batch" ||
         settings.attention.name == "cbam";
}

std::int64_t size_multiple_of(const TrialSettings& settings) {
  return std::int64_t{1} << (settings.model.get<std::int64_t>("depth", 5) - 1);
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

std::string refuse_stages(const TrialSettings& settings) {
  std::vector<std::string_view> known;
  for (const Row& row : models::train_layers_rows()) known.push_back(row.name);
  for (const StageSettings& stage : settings.stages)
    if (std::ranges::find(known, stage.layers) == known.end())
      return unknown_name("stages.layers", stage.layers, known);
  return {};
}

/// Knobs of networks that find objects must not seem to work elsewhere.
std::string refuse_unused(const TrialSettings& settings) {
  if (finds_objects(settings)) return {};
  for (const auto& [knob, value] :
       {std::pair{"backbone", &settings.backbone}, {"feature_share", &settings.feature_share}})
    if (value->name != "none")
      return fmt::format("[{}] '{}' in {}; 'none' is allowed, others in {}", knob, value->name,
                         settings.model.name, fmt::join(rcnn_names(), ", "));
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

std::string refuse_extent(const TrialSettings& settings) {
  if (settings.resize != "none" && settings.size.size() != 2)
    return fmt::format("[size] {} numbers; resize = \"{}\" needs [height, width]",
                       settings.size.size(), settings.resize);
  if (settings.patch.empty()) return {};
  if (finds_objects(settings))
    return fmt::format("[patch] {} takes whole images; resize and size make them smaller",
                       settings.model.name);
  if (settings.patch.size() != 2)
    return fmt::format("[patch] {} numbers; {} takes [height, width]", settings.patch.size(),
                       settings.model.name);
  const std::int64_t multiple = size_multiple_of(settings);
  for (const std::int64_t side : settings.patch)
    if (side % multiple != 0)
      return fmt::format("[patch] {}; {} takes multiples of {}", side, settings.model.name,
                         multiple);
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
  if (settings.micro_batch_size > 0 && normalized && settings.batch_statistics != "frozen")
    return fmt::format(
        "[micro_batch_size] {} with batch_statistics = \"{}\": a batch's statistics "
        "need the whole batch at once; \"frozen\", or a network with normalization "
        "= \"{}\", is allowed",
        settings.micro_batch_size, settings.batch_statistics,
        finds_objects(settings) ? "frozen_batch" : "group");
  return {};
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
  for (const std::string& name : wanted)
    if (std::ranges::find(data.classes, name) == data.classes.end())
      return fmt::format("[classes] '{}' is not in {}; it has {}", name, file,
                         fmt::join(data.classes, ", "));
  if (data.dimension != 2)
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
  for (const models::LossOptions& loss : options.losses)
    models::make_loss(loss, 1, options.activation);
  const models::NetworkOptions& network = options.network_options;
  if (network.attention.name != "none") {
    network.attention.make(network.width);
    models::check_attention_places(network.attention_places, network.depth);
  }
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
    idle = {"patch", "patches_per_image", "foreground",  "overlap", "loss", "activation",
            "init",  "threshold",         "threshold_on"};
    if (settings.resize == "none") idle.emplace_back("size");
    if (settings.resize != "none") idle.emplace_back("group_by");
    if (!has_batch_normalization(settings)) idle.emplace_back("batch_statistics");
    if (settings.batch_statistics != "per_shard") idle.emplace_back("shards");
    return idle;
  }
  idle = {"backbone", "feature_share", "profile", "train_layers", "objects"};
  if (settings.patch.empty())
    idle.insert(idle.end(), {"patches_per_image", "foreground", "overlap"});
  if (settings.resize == "none") idle.emplace_back("size");
  if (settings.resize != "none" || !settings.patch.empty()) idle.emplace_back("group_by");
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
         {refuse_later, refuse_unused, refuse_stages, refuse_tasks, refuse_weights, refuse_extent,
          refuse_batch, refuse_metrics, refuse_model})
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
