#include "models/activation_memory.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/segmentation/segmentation_model.h"
#include "tests/models/allocation_peak.h"

namespace medsweep::models {
namespace {

class EveryNetworksMemory : public testing::TestWithParam<std::tuple<std::string, Precision>> {};

TEST_P(EveryNetworksMemory, IsWithinAQuarterOfTheMeasuredPeak) {
  SegmentationModelOptions options;
  options.network = std::get<0>(GetParam());
  options.precision = std::get<1>(GetParam());
  options.network_options.width = 16;
  const auto model = std::make_shared<SegmentationModel>(options);
  datasets::Batch batch;
  batch.images = torch::randn({2, 3, 192, 256}).contiguous(at::MemoryFormat::ChannelsLast);
  for (int i = 0; i < 2; ++i) {
    batch.sizes.push_back({192, 256});
    batch.targets.push_back(
        {{datasets::kSegmentation, {torch::randint(0, 2, {192, 256}, torch::kLong)}}});
    batch.samples.emplace_back();
    batch.random_keys.push_back(static_cast<std::uint64_t>(i));
  }
  for (auto& parameter : model->parameters())
    parameter.mutable_grad() = torch::zeros_like(parameter);
  const auto peak = static_cast<double>([&] {
    const AllocationPeak allocated;
    model->loss(batch).at("bce").sum.backward();
    return allocated.bytes();
  }());

  const auto estimate =
      static_cast<double>(activation_bytes(*model, options.precision, 3, 2, {192, 256}));

  EXPECT_GT(estimate, 0.75 * peak);
  EXPECT_LT(estimate, 1.25 * peak);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryNetworksMemory,
                         testing::Combine(testing::Values("unet", "retina_unet", "sa_unet"),
                                          testing::Values(Precision::kFp32, Precision::kBf16)));

}  // namespace
}  // namespace medsweep::models
