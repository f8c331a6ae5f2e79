#include "runner/probe.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "runner/distributed/gradient_reducer.h"
#include "runner/optimizer.h"
#include "runner/training_memory.h"
#include "runner/training_step.h"
#include "runner/trial_data.h"

namespace medsweep::runner {
namespace {

constexpr int kSteps = 3;  // the first one warms up, the faster of the others counts

datasets::LoadedBatch made_up_batch(std::int64_t samples, const DataShape& shape,
                                    const datasets::Extent& extent) {
  std::vector<datasets::Sample> list;
  for (std::int64_t i = 0; i < samples; ++i) {
    datasets::Sample sample;
    sample.image = torch::full({shape.channels, extent.height, extent.width}, 0.1F);
    torch::Tensor labels = torch::zeros({extent.height, extent.width}, torch::kLong);
    labels.slice(0, 0, extent.height / 2).fill_(1);
    sample.targets[datasets::kSegmentation] = {labels};
    list.push_back(sample);
  }
  datasets::LoadedBatch loaded;
  loaded.batch = datasets::collate(list, 1, shape.channels);
  loaded.shards = {{0, samples}};
  loaded.global_size = samples;
  return loaded;
}

double timed_step(const TrialSettings& settings, const DataShape& shape,
                  const datasets::Extent& extent, std::int64_t samples) {
  keep_freed_memory();  // as the training does that is foretold
  const auto group = single_communicator();
  const auto model = make_model(settings, shape);
  model->train();
  GradientReducer reducer(*model, nullptr);
  NamedParameters parameters;
  for (const auto& item : model->named_parameters())
    parameters.emplace_back(item.key(), item.value());
  OptimizerOptions options;
  options.name = settings.optimizer.name;
  Optimizer optimizer(options, parameters);
  TrainingStep step(*model, *group, reducer, settings.micro_batch_size);
  const std::int64_t multiple = model->size_multiple();
  const auto up = [&](std::int64_t side) { return (side + multiple - 1) / multiple * multiple; };
  auto batch = made_up_batch(samples, shape, {up(extent.height), up(extent.width)});
  double best = 0;
  for (int i = 0; i < kSteps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step.run([&] { return batch; }, false);
    optimizer.step();
    optimizer.drop_gradients();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i > 0) best = best == 0 ? seconds : std::min(best, seconds);
  }
  return best;
}

}  // namespace

double ProbedSeconds::epoch_seconds(const TrialSettings& settings, const DataShape& shape,
                                    const datasets::Extent& extent) {
  const std::int64_t samples =
      std::max<std::int64_t>(settings.batch_size / settings.ranks_per_trial, 1);
  const std::string key =
      fmt::format("{} {} {} {} {} {} {} {} {}", settings.model.name, settings.model.options.dump(),
                  samples, shape.channels, shape.classes, extent.height, extent.width,
                  settings.precision, settings.optimizer.name);
  auto found = step_seconds_.find(key);
  if (found == step_seconds_.end())
    found = step_seconds_.emplace(key, timed_step(settings, shape, extent, samples)).first;
  const TrialData data = open_trial_data(settings);
  const auto draws = static_cast<double>(data.split.train.size()) *
                     static_cast<double>(settings.patch.empty() ? 1 : settings.patches_per_image);
  return found->second * draws / static_cast<double>(settings.batch_size);
}

}  // namespace medsweep::runner
