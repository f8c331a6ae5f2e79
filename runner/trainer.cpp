#include "runner/trainer.h"

#include <ATen/Parallel.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/host.h"
#include "models/layers/batch_norm.h"
#include "runner/group_error.h"
#include "runner/training.h"
#include "runner/trial_evaluation.h"

namespace medsweep::runner {
namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

/// Adds a step's losses to the epoch's sums, which a checkpoint within the epoch carries on.
void add_losses(const StepResult& result, TrainingState& state) {
  const auto samples = static_cast<double>(result.samples);
  state.totals["samples"] += samples;
  for (const auto& [name, mean] : result.losses) state.totals["loss." + name] += mean * samples;
}

std::map<std::string, double> mean_losses(const TrainingState& state) {
  std::map<std::string, double> means;
  for (const auto& [key, sum] : state.totals)
    if (key.starts_with("loss.")) means[key.substr(5)] = sum / state.totals.at("samples");
  return means;
}

ProgressPoint progress_point(const TrainingState& state, double loss, std::int64_t samples) {
  return {state.epoch, state.step_in_epoch, loss, samples};
}

/// One optimizer step. False: a rank was asked to stop, and nothing happened.
bool run_step(Training& training) {
  TrainingState& state = training.state;
  training.optimizer->set_learning_rate(training.schedule->learning_rate(state.step, state.epoch));
  const double waited_before = training.loader->waited_seconds();
  const StepResult result = training.step->run([&] { return training.loader->next().value(); },
                                               training.context.stop_requested());
  if (result.stop) return false;
  state.totals["data_seconds"] += training.loader->waited_seconds() - waited_before;
  if (training.settings.gradient_clip > 0)
    clip_gradients(training.optimizer->parameters(), training.settings.gradient_clip);
  if (training.writer) training.writer->wait_for_snapshot();
  training.optimizer->step();
  training.optimizer->drop_gradients();
  models::finish_step(*training.model, training.statistics_group);
  ++state.step;
  ++state.step_in_epoch;
  add_losses(result, state);
  training.context.report.update(progress_point(state, result.losses.at("total"), result.samples));
  return true;
}

/// The epoch's end: evaluation where it is due, what hangs on its numbers, the record of it all.
/// Throws StopRequested within the evaluation.
void end_epoch(Training& training) {
  TrainingState& state = training.state;
  const std::map<std::string, double> losses = mean_losses(state);
  const auto samples = static_cast<std::int64_t>(state.totals.at("samples"));
  const double seconds = state.totals.at("seconds");
  const double data_seconds = state.totals.at("data_seconds");
  const double learning_rate = training.optimizer->learning_rate();
  ++state.epoch;
  state.step_in_epoch = 0;
  state.totals.clear();
  training.context.report.append(results::EpochRecord{
      training.settings.identity, state.epoch, state.step, losses, learning_rate,
      static_cast<double>(samples) / seconds, seconds, data_seconds});
  EpochScores scores{{"loss", losses.at("total")}};
  if (state.epoch % training.settings.evaluate.every_epochs == 0 ||
      state.epoch == training.settings.epochs)
    scores.merge(evaluate_epoch(training));
  observe_scores(training, scores);
  training.context.report.end_epoch(
      {state.epoch - 1, training.sampler.steps(), losses.at("total"), 0}, remark_of(scores));
}

/// Steps of one epoch from where the state stands. False: stopped.
bool run_epoch(Training& training) {
  TrainingState& state = training.state;
  const auto start = SteadyClock::now();
  const double seconds_before = state.totals["seconds"];
  auto last_save = start;
  while (state.step_in_epoch < training.sampler.steps()) {
    const bool done = run_step(training);
    state.totals["seconds"] = seconds_before + seconds_since(start);
    if (!done) return false;
    if (seconds_since(last_save) > training.settings.checkpoint_every) {
      training.save_if_idle();
      last_save = SteadyClock::now();
    }
  }
  const TrainingState before = state;
  try {
    end_epoch(training);
  } catch (const StopRequested&) {
    state = before;  // the evaluation comes again
    return false;
  }
  return true;
}

/// To the next sample; a checkpoint may lie between an epoch's last step and its evaluation.
void seek_loader(Training& training) {
  const TrainingState& state = training.state;
  if (state.step_in_epoch < training.sampler.steps())
    training.loader->seek(state.epoch, state.step_in_epoch);
  else
    training.loader->seek(state.epoch + 1, 0);
}

results::AttemptRecord attempt_record(const Training& training,
                                      std::optional<std::int64_t> resumed_from) {
  return {.trial = training.settings.identity,
          .host = host_name(),
          .ranks = training.context.group.size(),
          .threads = at::get_num_threads(),
          .precision = training.settings.precision,
          .resumed_from_step = resumed_from};
}

}  // namespace

TrainingOutcome train(const TrialSettings& settings, const TrialData& data,
                      const TrainerContext& context) {
  Training training(settings, data, context);
  const TrainingState& state = training.state;
  const auto resumed_from = training.resume();
  seek_loader(training);
  context.report.append(attempt_record(training, resumed_from));
  context.report.start({settings.epochs, training.sampler.steps()});
  while (state.epoch < settings.epochs && !training.early_stop.stopped()) {
    training.enter_stage();
    training.model->train();
    const bool finished = run_epoch(training);
    training.save();
    if (!finished) {
      training.finish_saving();
      return {Ending::kStopped, state.epoch, state.step};
    }
  }
  training.finish_saving();
  if (settings.evaluate.checkpoint != "last") training.load_best_weights();
  try {
    evaluate_finished(training);
  } catch (const StopRequested&) {
    return {Ending::kStopped, state.epoch, state.step};
  }
  return {Ending::kFinished, state.epoch, state.step};
}

}  // namespace medsweep::runner
