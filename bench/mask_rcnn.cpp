// bench_mask_rcnn train|predict PRECISION THREADS: Mask R-CNN (ResNet-50, 5 classes with
// background) on 2x3x256x256 (train) or 1x3x512x512 (predict), when asked.
//
// Prints "ready", then answers each line "N" on its standard input with "<seconds a pass> <loss of
// the last step, or the objects found> <peak resident MiB>". bench/mask_rcnn.py does the same with
// torchvision.

#include "models/mask_rcnn/mask_rcnn.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/types.h>

#include <cmath>
#include <optional>
#include <string>

#include "bench/answers.h"
#include "models/mask_rcnn/rcnn_networks.h"
#include "runner/distributed/communicator.h"
#include "runner/distributed/gradient_reducer.h"
#include "runner/optimizer.h"
#include "runner/training_memory.h"
#include "runner/training_step.h"

namespace medsweep::bench {
namespace {

constexpr std::int64_t kObjects = 4;

double kernel_factor(const std::string& key, double inputs) {
  const bool predicts = key.find("predictor") != std::string::npos || key.starts_with("rpn");
  return predicts ? 0.01 : std::sqrt(2 / inputs);
}

datasets::Instances objects(std::int64_t image, std::int64_t side) {
  datasets::Instances instances;
  instances.boxes = torch::zeros({kObjects, 4});
  instances.labels = torch::zeros({kObjects}, torch::kByte);
  instances.masks = torch::zeros({kObjects, side, side}, torch::kByte);
  instances.ignore = torch::zeros({kObjects}, torch::kByte);
  for (std::int64_t i = 0; i < kObjects; ++i) {
    const std::int64_t size = side / 8 * (i + 1), x = side / 16 * (i + image), y = side / 16 * i;
    instances.boxes[i] = torch::tensor({x, y, x + size, y + size / 2}, torch::kFloat);
    instances.labels[i] = 1 + i % 4;
    instances.masks[i].slice(0, y, y + size / 2).slice(1, x, x + size).fill_(1);
  }
  return instances;
}

datasets::Batch make_batch(std::int64_t count, std::int64_t side) {
  datasets::Batch batch;
  batch.images = (noise(1000, {count, 3, side, side}) + 1) / 2;
  for (std::int64_t i = 0; i < count; ++i) {
    batch.sizes.push_back({side, side});
    datasets::Target target;
    target.instances = objects(i, side);
    batch.targets.push_back({{datasets::kSegmentation, target}});
    batch.samples.emplace_back();
    batch.random_keys.push_back(static_cast<std::uint64_t>(i));
  }
  return batch;
}

class Passes {
 public:
  Passes(std::string_view what, models::Precision precision, runner::Communicator& group)
      : trains_(what == "train"), model_(make_model(precision)), group_(group) {
    if (!trains_ && what != "predict")
      throw std::invalid_argument("bench_mask_rcnn train|predict fp32|bf16 THREADS");
    batch_ = trains_ ? make_batch(2, 256) : make_batch(1, 512);
    runner::keep_freed_memory();
    model_->train(trains_);
    if (!trains_) return;
    reducer_.emplace(*model_, group.process_group(runner::CollectiveThread::kWorker));
    runner::OptimizerOptions sgd;
    sgd.name = "sgd";
    sgd.learning_rate = 1e-4;
    sgd.momentum = 0.9;
    optimizer_.emplace(sgd, runner::trainable_parameters(*model_));
    step_.emplace(*model_, group, *reducer_, 0);
  }

  double run() {
    if (!trains_) {
      const auto predictions = model_->predict(batch_);
      return static_cast<double>(
          predictions.front().detections.at(datasets::kSegmentation).scores.size(0));
    }
    const auto next = [&] {
      return datasets::LoadedBatch{.batch = batch_, .shards = {{0, batch_.size()}}};
    };
    const runner::StepResult result = step_->run(next, false);
    optimizer_->step();
    optimizer_->drop_gradients();
    return result.losses.at("total");
  }

 private:
  static std::shared_ptr<models::Model> make_model(models::Precision precision) {
    models::MaskRcnnOptions options;
    options.tasks = {{datasets::kSegmentation, 4}};
    options.image.resize = models::RcnnResize::kNone;
    options.precision = precision;
    auto model = models::make_rcnn(options);
    fill_kernels(*model, kernel_factor);
    return model;
  }

  bool trains_;
  std::shared_ptr<models::Model> model_;
  runner::Communicator& group_;
  datasets::Batch batch_;
  std::optional<runner::GradientReducer> reducer_;
  std::optional<runner::Optimizer> optimizer_;
  std::optional<runner::TrainingStep> step_;
};

}  // namespace
}  // namespace medsweep::bench

int main(int argc, char** argv) try {
  using namespace medsweep;
  if (argc != 4) throw std::invalid_argument("bench_mask_rcnn train|predict fp32|bf16 THREADS");
  at::set_num_threads(std::stoi(argv[3]));
  const auto group = runner::single_communicator();
  bench::Passes passes(argv[1], models::precision_of(argv[2]), *group);
  bench::answer([&] { return passes.run(); });
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_mask_rcnn: {}\n", error.what());
  return 1;
}
