#include <gtest/gtest.h>

#include <ctime>

#include "datasets/data_file.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

TEST(DataFileSlow, ThirtyThousandSamplesOpenInUnderASecond) {
  constexpr std::int64_t kSamples = 30000;
  const TemporaryFolder folder;
  DataFileWriter writer(folder / "a.h5", {.name = "made", .classes = {"a"}, .channels = 1});
  RawSample sample = made_sample(0, torch::kUInt8);
  sample.labels = sample.labels.clamp_max(1);
  for (std::int64_t i = 0; i < kSamples; ++i) {
    sample.id.name = sample.id.case_name = sample.id.patient = "case" + std::to_string(i);
    writer.add(sample);
  }
  writer.finish();
  const std::clock_t start = std::clock();  // of the processor: others may be at work beside us
  const DataFile file(folder / "a.h5");
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_EQ(std::ssize(file.samples()), kSamples);
  EXPECT_LT(seconds, 1.0);
  RecordProperty("seconds", std::to_string(seconds));
}

}  // namespace
}  // namespace medsweep::datasets
