#include "runner/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "runner/distributed/communicator.h"
#include "runner/training.h"
#include "runner/trial_data.h"

namespace medsweep::runner {
namespace {

constexpr int kWarmUp = 1, kTimed = 2;  // steps

/// What one rank does of the trial while `stage` is trained.
TrialSettings alone(TrialSettings settings, StageSettings stage) {
  settings.batch_size = std::max<std::int64_t>(settings.batch_size / settings.ranks_per_trial, 1);
  settings.ranks_per_trial = 1;
  settings.weights.clear();  // which may not be there yet
  settings.schedule = {"constant"};
  settings.optimizer.options["learning_rate"] = 1e-6;  // no warm-up is needed
  stage.learning_rate.reset();
  settings.epochs = stage.epochs = kWarmUp + kTimed;
  settings.stages = {std::move(stage)};
  return settings;
}

/// Seconds of training on one sample.
double sample_seconds(const TrialSettings& settings, const TrialData& data) {
  const auto group = single_communicator();
  TrialReport report;
  const TrainerContext context{*group, report, [] { return false; }, {}};
  Training training(settings, data, context);
  training.model->train();
  training.loader->seek(0, 0);
  auto start = std::chrono::steady_clock::now();
  std::int64_t samples = 0;
  for (int i = 0; i < kWarmUp + kTimed; ++i) {
    if (i == kWarmUp) start = std::chrono::steady_clock::now();
    const StepResult result =
        training.step->run([&] { return training.loader->next().value(); }, false);
    training.optimizer->step();
    training.optimizer->drop_gradients();
    if (i >= kWarmUp) samples += result.samples;
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() /
         static_cast<double>(samples);
}

double epoch_seconds(const TrialSettings& settings, const StageSettings& stage) {
  const TrialData data = open_trial_data(settings);
  const auto draws = static_cast<double>(data.split.train.size()) *
                     static_cast<double>(settings.patch.empty() ? 1 : settings.patches_per_image);
  return sample_seconds(alone(settings, stage), data) * draws /
         static_cast<double>(settings.ranks_per_trial);
}

}  // namespace

double ProbedSeconds::training_seconds(const std::string& kind, const TrialSettings& settings) {
  double seconds = 0;
  for (const StageSettings& stage : settings.stages) {
    const std::string key = fmt::format("{} {} {}", kind, settings.optimizer.name, stage.layers);
    auto found = epoch_seconds_.find(key);
    if (found == epoch_seconds_.end())
      found = epoch_seconds_.emplace(key, epoch_seconds(settings, stage)).first;
    seconds += found->second * static_cast<double>(stage.epochs);
  }
  return seconds;
}

}  // namespace medsweep::runner
