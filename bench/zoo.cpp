// bench_zoo NETWORK PRECISION THREADS IN SIDE...: training steps of a network of label maps (4
// maps, cross-entropy, SGD with momentum) on one volume IN x SIDE x SIDE x SIDE or two images
// IN x SIDE x SIDE, when asked; see answer(). bench/zoo.py does the same in PyTorch.

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "bench/answers.h"
#include "models/segmentation/segmentation_model.h"
#include "runner/distributed/communicator.h"
#include "runner/distributed/gradient_reducer.h"
#include "runner/optimizer.h"
#include "runner/training_memory.h"
#include "runner/training_step.h"

namespace medsweep::bench {
namespace {

constexpr std::int64_t kMaps = 4;
constexpr std::int64_t kVolumeAxes = 3;

models::SegmentationModelOptions options_of(const std::string& network, models::Precision precision,
                                            std::int64_t channels) {
  models::SegmentationModelOptions options;
  options.network = network;
  options.network_options.in_channels = channels;
  options.network_options.drop_block.keep = 1;
  options.network_options.dropout = 0;
  options.network_options.auxiliary = 0;
  if (network == "sa_unet" || network.starts_with("vnet") || network == "unet_resnet")
    options.network_options.width = 16;
  if (network == "sa_unet") options.network_options.depth = 4;
  if (network == "voxresnet") options.network_options.width = 32;
  if (network == "fcn8s") options.network_options.width = 1024;
  if (network == "vnet_original") {  // MONAI's numbers of convolutions
    options.network_options.down_convolutions = {1, 2, 3, 2};
    options.network_options.up_convolutions = {2, 2, 1, 1};
  }
  if (network == "unet3d_original") options.network_options.widths = {64, 128, 256, 512};
  if (network == "attention_unet3d") options.network_options.widths = {16, 32, 64, 128, 256};
  if (network == "unet3d_original" || network == "attention_unet3d") {
    options.network_options.layer_order = "cbr";
    options.network_options.upsampling = models::Upsampling::kTransposed;
  }
  options.classes = kMaps - 1;
  options.activation = models::Activation::kSoftmax;
  options.losses = {{.name = "cross_entropy"}};
  options.precision = precision;
  return options;
}

datasets::Batch make_batch(std::int64_t channels, const std::vector<std::int64_t>& sides) {
  const bool is_volume = sides.size() == kVolumeAxes;
  const std::int64_t count = is_volume ? 1 : 2;
  datasets::Batch batch;
  std::vector<std::int64_t> shape = sides;
  shape.insert(shape.begin(), count);
  const torch::Tensor labels = ((noise(2000, shape) + 1) * 2).to(torch::kLong).clamp(0, kMaps - 1);
  shape.insert(shape.begin() + 1, channels);
  batch.images = noise(1000, shape);
  for (std::int64_t i = 0; i < count; ++i) {
    batch.sizes.push_back({sides[sides.size() - 2], sides.back(), is_volume ? sides.front() : 1});
    batch.targets.push_back({{datasets::kSegmentation, {labels[i]}}});
    batch.samples.emplace_back();
    batch.random_keys.push_back(static_cast<std::uint64_t>(i));
  }
  return batch;
}

class ZooSteps {
 public:
  ZooSteps(const models::SegmentationModelOptions& options, datasets::Batch batch,
           runner::Communicator& group)
      : model_(std::make_shared<models::SegmentationModel>(options)), batch_(std::move(batch)) {
    runner::keep_freed_memory();
    fill_kernels(*model_, [](const std::string&, double inputs) { return std::sqrt(2 / inputs); });
    model_->train();
    reducer_.emplace(*model_, group.process_group(runner::CollectiveThread::kWorker));
    runner::OptimizerOptions sgd;
    sgd.name = "sgd";
    sgd.learning_rate = 1e-5;  // what is learned does not matter here
    sgd.momentum = 0.9;
    optimizer_.emplace(sgd, runner::trainable_parameters(*model_));
    step_.emplace(*model_, group, *reducer_, 0);
  }

  double run() {
    const auto next = [&] {
      return datasets::LoadedBatch{.batch = batch_, .shards = {{0, batch_.size()}}};
    };
    const runner::StepResult result = step_->run(next, false);
    optimizer_->step();
    optimizer_->drop_gradients();
    return result.losses.at("total");
  }

 private:
  std::shared_ptr<models::Model> model_;
  datasets::Batch batch_;
  std::optional<runner::GradientReducer> reducer_;
  std::optional<runner::Optimizer> optimizer_;
  std::optional<runner::TrainingStep> step_;
};

}  // namespace
}  // namespace medsweep::bench

int main(int argc, char** argv) try {
  using namespace medsweep;
  if (argc < 7) throw std::invalid_argument("bench_zoo NETWORK fp32|bf16 THREADS IN SIDE SIDE ...");
  at::set_num_threads(std::stoi(argv[3]));
  const std::int64_t channels = std::stol(argv[4]);
  std::vector<std::int64_t> sides;
  for (int i = 5; i < argc; ++i) sides.push_back(std::stol(argv[i]));
  const auto group = runner::single_communicator();
  bench::ZooSteps steps(bench::options_of(argv[1], models::precision_of(argv[2]), channels),
                        bench::make_batch(channels, sides), *group);
  bench::answer([&] { return steps.run(); });
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_zoo: {}\n", error.what());
  return 1;
}
