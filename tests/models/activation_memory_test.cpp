#include "models/activation_memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/segmentation/segmentation_model.h"

namespace medsweep::models {
namespace {

/// The highest sum of what the thread allocated and had not freed.
class Peak : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t,
                         c10::Device) override {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t peak() const { return peak_; }

 private:
  std::int64_t live_ = 0, peak_ = 0;
};

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
  }
  for (auto& parameter : model->parameters())
    parameter.mutable_grad() = torch::zeros_like(parameter);
  const auto counter = std::make_shared<Peak>();
  {
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
    const Losses losses = model->loss(batch);
    losses.at("bce").sum.backward();
  }
  const double peak = static_cast<double>(counter->peak());

  const auto estimate =
      static_cast<double>(activation_bytes(*model, options.precision, 3, 2, {192, 256}));

  EXPECT_GT(estimate, 0.75 * peak);
  EXPECT_LT(estimate, 1.25 * peak);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryNetworksMemory,
                         testing::Combine(testing::Values("unet", "retina_unet"),
                                          testing::Values(Precision::kFp32, Precision::kBf16)));

}  // namespace
}  // namespace medsweep::models
