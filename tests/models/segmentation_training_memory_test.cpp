#include <gtest/gtest.h>
#include <torch/torch.h>

#include <string>
#include <vector>

#include "models/segmentation/training_memory.h"
#include "tests/models/allocation_peak.h"

namespace medsweep::models {
namespace {

struct MemoryCase {
  std::string network;
  std::vector<std::int64_t> sides;  ///< of the images, the last two height and width
  Activations activations = Activations::kKept;
};

class EveryNetworksMemory : public testing::TestWithParam<std::tuple<MemoryCase, Precision>> {
 protected:
  static SegmentationModelOptions options() {
    const auto& [of, precision] = GetParam();
    SegmentationModelOptions options;
    options.network = of.network;
    options.precision = precision;
    options.network_options.width = 16;
    options.network_options.activations = of.activations;
    return options;
  }

  static datasets::Batch batch(const std::vector<std::int64_t>& sides) {
    datasets::Batch batch;
    const std::int64_t depth = sides.size() == 3 ? sides.front() : 1;
    std::vector<std::int64_t> shape = sides;
    shape.insert(shape.begin(), {2, 3});
    batch.images = torch::randn(shape);
    for (int i = 0; i < 2; ++i) {
      batch.sizes.push_back({sides[sides.size() - 2], sides.back(), depth});
      batch.targets.push_back(
          {{datasets::kSegmentation, {torch::randint(0, 2, sides, torch::kLong)}}});
      batch.samples.emplace_back();
      batch.random_keys.push_back(static_cast<std::uint64_t>(i));
    }
    return batch;
  }
};

TEST_P(EveryNetworksMemory, IsWithinAQuarterOfTheMeasuredPeak) {
  SegmentationModel model(options());
  const datasets::Batch two = batch(std::get<0>(GetParam()).sides);
  for (auto& parameter : model.parameters())
    parameter.mutable_grad() = torch::zeros_like(parameter);
  const auto peak = static_cast<double>([&] {
    const AllocationPeak allocated;
    model.loss(two).at("bce").sum.backward();
    return allocated.bytes();
  }());

  const auto estimate = static_cast<double>(
      activation_bytes(model, MemoryLayout::kChannelsLast, 3, 2, two.sizes.front()));

  RecordProperty("of_the_peak", std::to_string(estimate / peak));
  EXPECT_GT(estimate, 0.75 * peak);
  EXPECT_LT(estimate, 1.25 * peak);
}

INSTANTIATE_TEST_SUITE_P(
    Table, EveryNetworksMemory,
    testing::Combine(testing::Values(MemoryCase{"unet", {192, 256}},
                                     MemoryCase{"retina_unet", {192, 256}},
                                     MemoryCase{"sa_unet", {192, 256}},
                                     MemoryCase{"unet3d", {32, 64, 48}},
                                     MemoryCase{"unet3d", {32, 64, 48}, Activations::kRecomputed}),
                     testing::Values(Precision::kFp32, Precision::kBf16)),
    [](const auto& info) {
      const MemoryCase& of = std::get<0>(info.param);
      return of.network + (of.activations == Activations::kRecomputed ? "_recomputed_" : "_") +
             std::string(name_of(std::get<1>(info.param)));
    });

}  // namespace
}  // namespace medsweep::models
