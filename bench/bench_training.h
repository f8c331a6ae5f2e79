#pragma once

#include <torch/types.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/answers.h"
#include "models/layers/batch_norm.h"
#include "models/segmentation/segmentation_model.h"
#include "runner/checkpoint_writer.h"
#include "runner/distributed/communicator.h"
#include "runner/distributed/gradient_reducer.h"
#include "runner/optimizer.h"
#include "runner/training_memory.h"
#include "runner/training_step.h"

namespace medsweep::bench {

struct TrainingOptions {
  std::int64_t width = 32;  ///< of a U-Net of depth 5: 32 has 7.8 M parameters, 64 has 31 M
  std::int64_t batch_size = 2;
  std::int64_t side = 256;  ///< pixels
  models::Precision precision = models::Precision::kFp32;
  models::MemoryLayout layout = models::MemoryLayout::kChannelsLast;
};

/// The trainer's step on one batch that is always the same: TrainingStep, GradientReducer and
/// Adam as runner/training.cpp puts them together, without data, schedule and journal.
/// Collective over `group` to make and to step.
class Training {
 public:
  Training(const TrainingOptions& options, runner::Communicator& group)
      : model_(make_model(options)),
        batch_(make_batch(options)),
        gradients_(group.process_group(runner::CollectiveThread::kWorker)),
        statistics_(group.process_group(runner::CollectiveThread::kCaller)) {
    runner::keep_freed_memory();
    if (statistics_) models::set_process_group(*model_, statistics_);
    reducer_.emplace(*model_, gradients_);
    optimizer_.emplace(runner::OptimizerOptions{}, runner::trainable_parameters(*model_));
    step_.emplace(*model_, group, *reducer_, 0);
  }

  /// The loss before the step. `writer`: one whose snapshot may still be going on.
  double step(runner::CheckpointWriter* writer = nullptr) {
    const auto next = [&] {
      return datasets::LoadedBatch{.batch = batch_, .shards = {{0, batch_.size()}}};
    };
    const runner::StepResult result = step_->run(next, false);
    const auto ready = std::chrono::steady_clock::now();
    if (writer != nullptr) writer->wait_for_snapshot();
    seconds_waited_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - ready).count();
    optimizer_->step();
    optimizer_->drop_gradients();
    models::finish_step(*model_, statistics_);
    return result.losses.at("total");
  }

  double seconds_waited() const { return seconds_waited_; }  ///< for snapshots, in all steps

  const models::Model& model() const { return *model_; }
  const runner::Optimizer& optimizer() const { return *optimizer_; }

 private:
  static std::shared_ptr<models::Model> make_model(const TrainingOptions& options) {
    models::SegmentationModelOptions model_options;
    model_options.network_options.width = options.width;
    model_options.precision = options.precision;
    model_options.layout = options.layout;
    auto model = std::make_shared<models::SegmentationModel>(model_options);
    const torch::NoGradGuard no_grad;
    std::int64_t stream = 0;
    for (auto& item : model->named_parameters()) {
      torch::Tensor& parameter = item.value();
      if (item.key().ends_with("bias")) parameter.zero_();
      if (parameter.dim() != 4) continue;
      const auto fan_in = static_cast<double>(parameter.numel() / parameter.size(0));
      parameter.copy_(noise(++stream, parameter.sizes()) * std::sqrt(6 / fan_in));
    }
    model->train();
    return model;
  }

  static datasets::Batch make_batch(const TrainingOptions& options) {
    const std::int64_t count = options.batch_size, side = options.side;
    const torch::Tensor images = noise(1000, {count, 3, side, side});
    const torch::Tensor labels = noise(2000, {count, side, side}).gt(0.5).to(torch::kLong);
    std::vector<datasets::Sample> samples;
    for (std::int64_t i = 0; i < count; ++i)
      samples.push_back({images[i], {{datasets::kSegmentation, {labels[i]}}}, {}});
    return datasets::collate(samples, 1, 3);
  }

  double seconds_waited_ = 0;
  std::shared_ptr<models::Model> model_;
  datasets::Batch batch_;
  c10::intrusive_ptr<c10d::ProcessGroup> gradients_, statistics_;
  std::optional<runner::GradientReducer> reducer_;
  std::optional<runner::Optimizer> optimizer_;
  std::optional<runner::TrainingStep> step_;
};

}  // namespace medsweep::bench
