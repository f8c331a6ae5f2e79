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
#include "models/segmentation/networks.h"
#include "runner/metrics/all_metrics.h"
#include "runner/network_rules.h"
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
