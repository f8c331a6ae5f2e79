#include <torch/optim/adam.h>

#include "models/segmentation/segmentation_model.h"
#include "tests/models/every_network.h"

namespace medsweep::models::every_network {
namespace {

/// Two images or volumes, one half of each bright and of class 1, a corner of it of class 2.
datasets::Batch halves(const std::string& name) {
  const std::vector<std::int64_t> sides = sides_of(name, small(name)).front();
  datasets::Batch batch;
  torch::manual_seed(1);
  batch.images = 0.2 * random_images(sides);
  for (std::int64_t i = 0; i < 2; ++i) {
    const torch::Tensor labels = torch::zeros(sides, torch::kLong);
    labels.slice(-1, 0, sides.back() / 2).fill_(1);
    labels.slice(-1, 0, sides.back() / 4).slice(-2, 0, labels.size(-2) / 2).fill_(2);
    batch.images[i] += labels.to(torch::kFloat);
    batch.targets.push_back({{datasets::kSegmentation, {labels}}});
    batch.samples.emplace_back().name = "halves";
    batch.random_keys.push_back(static_cast<std::uint64_t>(i));
  }
  return batch;
}

double step_loss(SegmentationModel& model, const datasets::Batch& batch,
                 torch::optim::Adam& optimizer) {
  torch::Tensor total = torch::zeros({});
  for (const auto& [name, part] : model.loss(batch)) total = total + part.sum / part.weight;
  optimizer.zero_grad();
  total.backward();
  optimizer.step();
  return total.item<double>();
}

/// Every network learns one batch by heart.
class EveryOverfit : public testing::TestWithParam<std::string> {};

TEST_P(EveryOverfit, BringsTheLossOfABatchToATenth) {
  SegmentationModelOptions options;
  options.network = GetParam();
  options.network_options = small(GetParam());
  options.network_options.width = 8;
  options.network_options.drop_block.keep = 1;
  options.network_options.dropout = 0;
  options.classes = 2;
  options.activation = Activation::kSoftmax;
  options.losses = {{.name = "dice_ce"}};
  SegmentationModel model(options);
  const datasets::Batch batch = halves(GetParam());
  torch::optim::Adam optimizer(model.parameters(), torch::optim::AdamOptions(3e-3));

  const double first = step_loss(model, batch, optimizer);
  double last = first;
  for (int step = 0; step < 1500 && last > first / 10; ++step)
    last = step_loss(model, batch, optimizer);

  EXPECT_LT(last, first / 10);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryOverfit, testing::ValuesIn(names_of(network_rows())),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace medsweep::models::every_network
