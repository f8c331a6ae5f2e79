#include "runner/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "datasets/color_mode.h"
#include "datasets/data_file.h"
#include "models/mask_rcnn/training_memory.h"
#include "models/parameters.h"
#include "models/segmentation/training_memory.h"
#include "results/index.h"
#include "runner/ensemble/study_ensembles.h"
#include "runner/probe.h"
#include "runner/settings.h"
#include "runner/training_memory.h"
#include "runner/trial_data.h"
#include "runner/trial_model.h"
#include "runner/trial_rcnn.h"
#include "runner/trial_rules.h"

namespace medsweep::runner {
namespace {

// Knobs that decide how long an epoch takes: those of earlier runs "of the same kind".
const std::vector<std::string> kKindKeys{
    "dataset", "model",    "color_mode",  "patch",         "patches_per_image",
    "size",    "resize",   "batch_size",  "precision",     "channels_last",
    "split",   "backbone", "attention",   "feature_share", "tasks",
    "profile", "stages",   "train_layers"};

/// The shape of a trial's data, where its files are there.
std::optional<DataShape> shape_of(const TrialSettings& settings) {
  const auto summary = known_data(settings.dataset.front().file);
  if (!summary) return std::nullopt;
  const std::size_t classes =
      settings.classes.empty() ? summary->classes.size() : settings.classes.size();
  return DataShape{datasets::color_mode_channels(settings.color_mode, summary->channels),
                   static_cast<std::int64_t>(classes)};
}

/// Of what the network is given.
datasets::Extent input_extent(const TrialSettings& settings) {
  for (const auto* sides : {&settings.patch, &settings.size})
    if (!sides->empty()) return extent_from(*sides);
  datasets::Extent largest;
  const auto data = known_data(settings.dataset.front().file);
  for (const auto& size : data.value().sizes)
    largest = {std::max(largest.height, size.height), std::max(largest.width, size.width),
               std::max(largest.depth, size.depth)};
  return largest;
}

/// Copies that a training holds of each parameter beside the weight itself: gradient, optimizer's.
std::int64_t copies(const Named& optimizer) {
  if (optimizer.name == "sgd") return optimizer.get("momentum", 0.0) > 0 ? 2 : 1;
  return 3;
}

/// What building a network tells.
struct NetworkFacts {
  std::int64_t parameters = 0, frozen = 0;  ///< while the first stage is trained
  std::int64_t memory_bytes = 0;            ///< of a rank, in the stage that takes the most
};

/// What makes a network another one, beside what all have: of one that finds objects more than of
/// one of label maps.
std::string own_key(const TrialSettings& settings) {
  if (!finds_objects(settings)) return settings.backbone.name;
  std::string layers;
  for (const StageSettings& stage : settings.stages) layers += stage.layers + " ";
  return fmt::format("{} {} {} {} {} {}", settings.backbone.name, settings.feature_share.name,
                     settings.tasks.dump(), settings.profile, settings.color_mode, layers);
}

/// Samples whose graphs a rank holds together.
std::int64_t piece_samples(const TrialSettings& settings) {
  const std::int64_t samples =
      (settings.batch_size + settings.ranks_per_trial - 1) / settings.ranks_per_trial;
  return settings.micro_batch_size > 0 ? std::min(samples, settings.micro_batch_size) : samples;
}

NetworkFacts facts_of_segmentation(const TrialSettings& settings, const DataShape& shape,
                                   const datasets::Extent& extent) {
  models::SegmentationModelOptions options = model_options(settings, shape);
  const models::MemoryLayout layout = options.layout;
  options.layout = models::MemoryLayout::kContiguous;  // the other would copy the kernels
  models::SegmentationModel model(options);
  NetworkFacts facts{models::count_parameters(model)};
  facts.memory_bytes =
      4 * (1 + copies(settings.optimizer)) * facts.parameters +
      models::activation_bytes(model, layout, shape.channels, piece_samples(settings), extent);
  return facts;
}

NetworkFacts facts_of_rcnn(const TrialSettings& settings, const DataShape& shape,
                           const datasets::Extent& extent) {
  TrialSettings plain = settings;
  plain.channels_last = false;  // which would copy the kernels and keep as much
  models::RcnnTrainingMemory memory(rcnn_options(plain, shape));
  NetworkFacts facts;
  std::set<std::string> seen;
  for (const StageSettings& stage : settings.stages) {
    if (!seen.insert(stage.layers).second) continue;
    const models::TrainableCounts counts = memory.train(stage.layers);
    facts.parameters = counts.trainable + counts.frozen;
    if (seen.size() == 1) facts.frozen = counts.frozen;
    facts.memory_bytes = std::max(
        facts.memory_bytes, 4 * (facts.parameters + copies(settings.optimizer) * counts.trainable) +
                                memory.activation_bytes(piece_samples(settings), extent));
  }
  return facts;
}

/// Each distinct network is built once, one at a time; only its numbers are kept.
class Networks {
 public:
  NetworkFacts of(const TrialSettings& settings, const DataShape& shape,
                  const datasets::Extent& extent) {
    const std::string key =
        fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {}", own_key(settings),
                    settings.attention.name, settings.attention.options.dump(), settings.model.name,
                    settings.model.options.dump(), settings.batch_statistics, settings.precision,
                    activation_of(settings) == models::Activation::kSoftmax,
                    fmt::format("{}x{}", shape.channels, shape.classes), piece_samples(settings),
                    extent.depth, extent.height, extent.width, copies(settings.optimizer));
    const auto found = facts_.find(key);
    if (found != facts_.end()) return found->second;
    return facts_[key] = finds_objects(settings) ? facts_of_rcnn(settings, shape, extent)
                                                 : facts_of_segmentation(settings, shape, extent);
  }

 private:
  std::map<std::string, NetworkFacts> facts_;
};

/// Of a network that is a file.
bool has_network_file(const TrialSettings& settings) {
  const auto file = settings.model.get<std::string>("file", "");
  return file.empty() || std::filesystem::exists(file);
}

std::int64_t checkpoint_bytes(const TrialSettings& settings, std::int64_t parameters) {
  const std::int64_t kept =
      settings.keep_checkpoints + 1 + (settings.evaluate.checkpoint == "last" ? 0 : 1);
  return kept * 4 * parameters * copies(settings.optimizer);
}

std::vector<PlannedFile> planned_files(const std::set<std::string>& paths) {
  std::vector<PlannedFile> files;
  for (const std::string& path : paths) {
    PlannedFile file{path, std::nullopt};
    if (std::filesystem::exists(path))
      file.bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
    files.push_back(file);
  }
  return files;
}

}  // namespace

std::vector<PlannedEnsemble> planned_ensembles(const sweeps::Study& study) {
  std::vector<PlannedEnsemble> planned;
  if (!study.unknown.empty()) return planned;
  for (const StudyEnsemble& ensemble : study_ensembles(study.ensembles, study.trials)) {
    PlannedEnsemble& one = planned.emplace_back();
    one.name = ensemble.name.name;
    one.method = ensemble.how.method;
    for (const sweeps::Trial& trial : ensemble.trials) one.trials.push_back(trial.name);
  }
  return planned;
}

StudyPlan plan_costs(const sweeps::Study& study, const std::vector<std::filesystem::path>& runs,
                     Probe probe) {
  StudyPlan plan;
  // A study with unknown names is not costed: it cannot be run.
  if (!study.unknown.empty()) {
    plan.costs.resize(study.trials.size());
    return plan;
  }
  const auto earlier = results::Index(runs).epoch_seconds(kKindKeys);
  give_freed_memory_back();
  Networks networks;
  ProbedSeconds probed;
  std::set<std::string> paths;
  for (const sweeps::Trial& trial : study.trials) {
    const TrialSettings settings = read_settings(trial);
    for (const DataSource& source : settings.dataset) paths.insert(source.file);
    TrialCost& cost = plan.costs.emplace_back();
    const auto shape = shape_of(settings);
    if (!shape || !has_network_file(settings)) continue;
    const NetworkFacts facts = networks.of(settings, *shape, input_extent(settings));
    cost.parameters = facts.parameters;
    cost.frozen = facts.frozen;
    cost.memory_bytes = facts.memory_bytes;
    plan.checkpoint_bytes += checkpoint_bytes(settings, *cost.parameters);
    const std::string kind = results::kind_of(trial.knobs, kKindKeys, settings.ranks_per_trial);
    const auto found = earlier.find(kind);
    if (found != earlier.end()) {
      cost.hours = found->second * static_cast<double>(settings.epochs) / 3600;
      cost.source = HoursSource::kEarlierRuns;
    } else if (probe == Probe::kYes) {
      cost.hours = probed.training_seconds(kind, settings) / 3600;
      cost.source = HoursSource::kProbe;
    }
  }
  plan.files = planned_files(paths);
  return plan;
}

}  // namespace medsweep::runner
