#include "runner/training.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <utility>

#include "datasets/aspect_ratio.h"
#include "models/layers/batch_norm.h"
#include "models/mask_rcnn/train_layers.h"
#include "results/layout.h"
#include "runner/group_error.h"
#include "runner/metrics/all_metrics.h"
#include "runner/training_memory.h"
#include "runner/trial_transfer.h"

namespace medsweep::runner {
namespace {

OptimizerOptions optimizer_options(const Named& optimizer) {
  OptimizerOptions options;
  options.name = optimizer.name;
  options.learning_rate = optimizer.get("learning_rate", options.learning_rate);
  options.weight_decay = optimizer.get("weight_decay", options.weight_decay);
  options.momentum = optimizer.get("momentum", options.momentum);
  options.nesterov = optimizer.get("nesterov", options.nesterov);
  options.beta1 = optimizer.get("beta1", options.beta1);
  options.beta2 = optimizer.get("beta2", options.beta2);
  options.epsilon = optimizer.get("epsilon", options.epsilon);
  return options;
}

ScheduleOptions schedule_options(const Named& schedule) {
  ScheduleOptions options;
  options.name = schedule.name;
  options.factor = schedule.get("factor", options.factor);
  options.every_epochs = schedule.get("every_epochs", options.every_epochs);
  options.milestones = schedule.get("milestones", options.milestones);
  options.metric = schedule.get("metric", options.metric);
  options.direction =
      options.metric == "loss" ? Direction::kLower : direction_of_any(options.metric);
  options.patience = schedule.get("patience", options.patience);
  options.threshold = schedule.get("threshold", options.threshold);
  options.cooldown = schedule.get("cooldown", options.cooldown);
  options.power = schedule.get("power", options.power);
  options.minimum_learning_rate =
      schedule.get("minimum_learning_rate", options.minimum_learning_rate);
  options.interval = schedule.get("interval", options.interval);
  options.warm_up_steps = schedule.get("warm_up_steps", options.warm_up_steps);
  options.warm_up_epochs = schedule.get("warm_up_epochs", options.warm_up_epochs);
  options.warm_up_factor = schedule.get("warm_up_factor", options.warm_up_factor);
  return options;
}

EarlyStopOptions early_stop_options(const nlohmann::json& early_stop) {
  EarlyStopOptions options;
  if (early_stop.empty()) return options;
  options.metric = early_stop.value("metric", std::string("dice"));
  options.direction =
      options.metric == "loss" ? Direction::kLower : direction_of_any(options.metric);
  options.patience = early_stop.value("patience", options.patience);
  options.minimum_delta = early_stop.value("minimum_delta", options.minimum_delta);
  return options;
}

/// The stage that an epoch belongs to; the last one after the end.
std::size_t stage_of(const std::vector<StageSettings>& stages, std::int64_t epoch) {
  std::size_t stage = 0;
  for (std::int64_t end = stages[0].epochs; epoch >= end && stage + 1 < stages.size();)
    end += stages[++stage].epochs;
  return stage;
}

/// Logical shards of a global batch: the study's, or one a rank.
std::int64_t shards_of(const TrialSettings& settings, int ranks) {
  if (settings.batch_statistics != "per_shard") return ranks;
  if (settings.shards < 1 || settings.shards % ranks != 0)
    throw std::invalid_argument(
        fmt::format("[shards] {} on {} ranks a trial; a multiple of the ranks is allowed",
                    settings.shards, ranks));
  return settings.shards;
}

datasets::LoaderOptions loader_options(const Training& training) {
  const int ranks = training.context.group.size(), rank = training.context.group.rank();
  datasets::LoaderOptions options;
  options.threads = training.settings.workers;
  options.epochs = training.settings.epochs;
  options.multiple = training.model->size_multiple();
  options.channels = training.data.shape.channels;
  options.shards = shards_of(training.settings, ranks);
  options.first_shard = options.shards / ranks * rank;
  options.last_shard = options.shards / ranks * (rank + 1);
  return options;
}

}  // namespace

datasets::Sampler sampler_for(const TrialSettings& settings, const TrialData& data) {
  datasets::SamplerOptions options;
  options.seed = static_cast<std::uint64_t>(settings.seed);
  options.batch_size = settings.batch_size;
  options.draws_per_sample = settings.patch.empty() ? 1 : settings.patches_per_image;
  options.last_batch =
      settings.last_batch == "drop" ? datasets::LastBatch::kDrop : datasets::LastBatch::kKeep;
  if (settings.group_by == "aspect_ratio") {
    std::vector<datasets::Extent> extents;
    for (std::int64_t i = 0; i < data.train->size(); ++i) extents.push_back(data.train->extent(i));
    options.groups = datasets::aspect_ratio_groups(extents);
  }
  return {data.shares, options};
}

Training::Training(const TrialSettings& settings_in, const TrialData& data_in,
                   const TrainerContext& context_in)
    : settings(settings_in),
      data(data_in),
      context(context_in),
      model(make_model(settings, data.shape)),
      sampler(sampler_for(settings, data)),
      early_stop(early_stop_options(settings.early_stop)) {
  keep_freed_memory();
  if (settings.threads > 0) at::set_num_threads(static_cast<int>(settings.threads));
  const datasets::SegmentationDataset& samples = *data.train;
  loader.emplace(
      sampler,
      [&](std::int64_t epoch, const datasets::Draw& draw, const torch::Tensor& image) {
        return samples.get(epoch, draw, image);
      },
      loader_options(*this),
      [&](const datasets::Draw& draw) { return samples.extent(draw.sample); });
  if (!settings.weights.empty())
    on_all_ranks(context.group, [&] {
      for (const std::string& line : load_weights(*model, settings)) context.report.log(line);
    });
  if (context.group.size() > 1) {
    gradient_group = context.group.process_group(CollectiveThread::kWorker);
    statistics_group = context.group.process_group(CollectiveThread::kCaller);
    models::set_process_group(*model, statistics_group);
  }
  enter_stage();
  if (context.report.writes())
    writer.emplace(checkpoints(), CheckpointOptions{settings.keep_checkpoints + 1});
  state.identity = settings.identity;
}

void Training::enter_stage() {
  const std::size_t entered = stage_of(settings.stages, state.epoch);
  if (stage_ == entered) return;
  const bool is_first = !stage_;
  stage_ = entered;
  const StageSettings& stage = settings.stages[entered];
  models::set_train_layers(*model, stage.layers);
  step.reset();
  reducer.emplace(*model, gradient_group);
  OptimizerOptions options = optimizer_options(settings.optimizer);
  options.learning_rate = stage.learning_rate.value_or(options.learning_rate);
  optimizer.emplace(options, trainable_parameters(*model));
  const auto reached = is_first ? std::nullopt : std::optional(schedule->state());
  schedule.emplace(schedule_options(settings.schedule), options.learning_rate,
                   TrainingLength{settings.epochs, sampler.steps()});
  if (reached) schedule->restore(*reached);
  step.emplace(*model, context.group, *reducer, settings.micro_batch_size);
}

std::filesystem::path Training::checkpoints() const {
  return results::checkpoints_folder(context.folder);
}

std::optional<std::int64_t> Training::resume() {
  std::string path;
  if (context.group.rank() == 0) {
    const NewestCheckpoint newest = load_newest(checkpoints());
    for (const std::string& warning : newest.warnings) context.report.log(warning);
    if (newest.checkpoint) path = newest.checkpoint->path.string();
  }
  path = context.group.broadcast(path);
  if (path.empty()) return std::nullopt;
  const Checkpoint checkpoint = load_checkpoint(path);
  load_tensors(*model, checkpoint.model);
  state = checkpoint.state;
  enter_stage();
  // What was saved between two stages is the optimizer of the one that ended.
  const bool begins = state.step_in_epoch == 0 && state.epoch > 0 &&
                      state.epoch < settings.epochs &&
                      stage_of(settings.stages, state.epoch - 1) != stage_;
  if (!begins) optimizer->load_state(checkpoint.optimizer);
  schedule->restore(state.schedule);
  early_stop.restore(state.early_stop);
  return state.step;
}

void Training::load_best_weights() {
  on_all_ranks(context.group, [&] {
    const std::optional<Checkpoint> best = load_best(checkpoints());
    if (!best)
      throw std::runtime_error(
          fmt::format("[{}] there is no best checkpoint", checkpoints().string()));
    load_tensors(*model, best->model);
  });
}

void Training::save() {
  if (!writer) return;
  state.schedule = schedule->state();
  state.early_stop = early_stop.state();
  try {
    writer->save(state, named_tensors(*model), optimizer->state());
  } catch (const std::runtime_error& error) {
    context.report.log(fmt::format("no checkpoint at step {}: {}", state.step, error.what()));
    return;
  }
  context.report.append(results::CheckpointRecord{
      settings.identity, state.epoch, state.step, "checkpoints/" + checkpoint_name(state.step),
      state.best && state.best->step == state.step ? state.best->metric : std::string()});
}

void Training::save_if_idle() {
  if (writer && !writer->busy()) save();
}

void Training::finish_saving() {
  on_all_ranks(context.group, [&] {
    if (writer) writer->finish();
  });
}

}  // namespace medsweep::runner
