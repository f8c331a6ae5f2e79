#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>

#include "sweeps/freeze.h"
#include "tests/sweeps/example_schema.h"

namespace medsweep::sweeps {
namespace {

/// Resident memory of this process, MB.
double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096 / 1e6;
}

TEST(TenThousandTrials, ExpandInTimeAndLittleMemory) {
  std::string widths, rates;
  for (int i = 1; i <= 25; ++i) widths += fmt::format("{}, ", 4 * i);
  for (int i = 1; i <= 10; ++i) rates += fmt::format("{}, ", 0.001 * i);
  const std::string text = fmt::format(
      "[trial]\ndataset = \"a.h5\"\nmodel = \"mask_rcnn\"\n[axes]\nbatch_size = [{}]\n"
      "\"optimizer.learning_rate\" = [{}]\ncolor_mode = [\"rgb\", \"gray\"]\n"
      "augmentation = [\"none\", \"flip_rotate\"]\n[repeat]\nseeds = [0, 1]\nfolds = 5\n",
      widths, rates);
  const double before = resident_megabytes();
  const auto start = std::chrono::steady_clock::now();
  const Study study = load_text(text);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const double memory = resident_megabytes() - before;
  ASSERT_EQ(study.trials.size(), 10000U);
  fmt::print("10,000 trials in {:.2f} s, {:.0f} MB, {} bytes of knobs each\n", seconds.count(),
             memory, study.trials.front().knobs.size());
  EXPECT_LT(seconds.count(), 20) << "generous: unoptimised, on a busy machine";
  EXPECT_LT(memory, 100);
  EXPECT_EQ(parse_frozen(frozen_text(freeze(study)), "study.toml").trials, study.trials);
}

}  // namespace
}  // namespace medsweep::sweeps
