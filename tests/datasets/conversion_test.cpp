// What every conversion gets from run_conversion: order, threads, resuming, bad items.

#include "datasets/converters/conversion.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/files.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class ConversionTest : public testing::Test {
 protected:
  ConversionTest() { options_.output = folder_ / "a.h5"; }

  /// Eight items of two samples each; `before` is called in each with its number.
  ConversionPlan plan(const std::function<void(std::int64_t)>& before = {}) {
    ConversionPlan plan{.header = {.name = "made", .classes = {"rv", "myo", "lv"}}};
    for (std::int64_t i = 0; i < 8; ++i)
      plan.items.push_back({.name = fmt::format("item{}", i), .read = [this, before, i] {
                              ++reads_;
                              if (before) before(i);
                              return std::vector{made_sample(2 * i), made_sample(2 * i + 1)};
                            }});
    return plan;
  }
  ConverterReport run(const ConversionPlan& plan) {
    return run_conversion("made", plan, options_, {});
  }

  TemporaryFolder folder_;
  ConverterOptions options_;
  std::atomic<int> reads_ = 0;
};

TEST_F(ConversionTest, AnyNumberOfThreadsGivesTheSameBytes) {
  const auto uneven = [](std::int64_t i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * ((i * 5) % 4)));
  };
  options_.threads = 1;
  run(plan());
  const std::string one = read_file(options_.output);
  options_.threads = 4;
  run(plan(uneven));
  EXPECT_EQ(read_file(options_.output), one);
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"a.h5"});
}

TEST_F(ConversionTest, WhatAKilledConversionHasDoneIsTakenOver) {
  run(plan());
  const std::string whole = read_file(options_.output);
  std::filesystem::remove(options_.output);
  options_.threads = 1;
  const pid_t child = fork();
  if (child == 0) {
    run(plan([](std::int64_t i) { i == 5 ? _exit(9) : void(); }));
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  EXPECT_FALSE(std::filesystem::exists(options_.output));
  reads_ = 0;
  const ConverterReport report = run(plan());
  EXPECT_EQ(report.resumed, 5);
  EXPECT_EQ(reads_, 3);
  EXPECT_EQ(read_file(options_.output), whole);
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"a.h5"});
}

TEST_F(ConversionTest, ARecordThatWasCutOffIsMadeAgain) {
  options_.threads = 1;
  EXPECT_THROW(run(plan([](std::int64_t i) {
                 if (i == 5) throw std::runtime_error("stop");
               })),
               std::runtime_error);
  const auto items = partial_folder(options_.output) / "items";
  std::filesystem::resize_file(items, std::filesystem::file_size(items) - 7);
  EXPECT_EQ(run(plan()).resumed, 4);
}

TEST_F(ConversionTest, AnItemWhoseFileChangedIsMadeAgain) {
  const auto source = folder_ / "source";
  write_file_atomically(source, "a");
  options_.threads = 1;
  ConversionPlan stopped = plan([](std::int64_t i) {
    if (i == 5) throw std::runtime_error("stop");
  });
  stopped.items[2].files = {source};
  EXPECT_THROW(run(stopped), std::runtime_error);
  write_file_atomically(source, "longer");
  ConversionPlan again = plan();
  again.items[2].files = {source};
  EXPECT_EQ(run(again).resumed, 4);
}

TEST_F(ConversionTest, OtherOptionsTakeNothingOver) {
  options_.threads = 1;
  const auto stopped = plan([](std::int64_t i) {
    if (i == 5) throw std::runtime_error("stop");
  });
  EXPECT_THROW(run(stopped), std::runtime_error);
  options_.compression = Compression::kZstd;
  EXPECT_EQ(run(plan()).resumed, 0);
}

TEST_F(ConversionTest, ABadItemStopsAndLeavesTheOldFile) {
  run(plan());
  const std::string old = read_file(options_.output);
  EXPECT_THAT(
      [&] {
        run(plan([](std::int64_t i) {
          if (i == 3) throw std::invalid_argument("[b.png] a mask of 16 bits; 8 are allowed");
        }));
      },
      ThrowsMessage<std::invalid_argument>("[b.png] a mask of 16 bits; 8 are allowed"));
  EXPECT_EQ(read_file(options_.output), old);
}

TEST_F(ConversionTest, BadItemsAreLeftOutAndListedWhereAsked) {
  options_.on_bad = ConverterOptions::OnBad::kSkip;
  const ConverterReport report = run(plan([](std::int64_t i) {
    if (i == 3) throw std::invalid_argument("[b.png] a mask of 16 bits; 8 are allowed");
  }));
  EXPECT_EQ(report.skipped,
            std::vector<std::string>{"item3: [b.png] a mask of 16 bits; 8 are allowed"});
  EXPECT_EQ(report.samples, 14);
}

TEST_F(ConversionTest, AnErrorOfTheProgramIsNotSkipped) {
  options_.on_bad = ConverterOptions::OnBad::kSkip;
  EXPECT_THROW(run(plan([](std::int64_t i) {
                 if (i == 3) throw std::bad_alloc();
               })),
               std::bad_alloc);
}

TEST_F(ConversionTest, TwoItemsOfOneNameAreRefused) {
  ConversionPlan twice = plan();
  twice.items[1].name = "item0";
  EXPECT_THAT([&] { run(twice); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("[item0] stands twice")));
}

TEST_F(ConversionTest, ASecondConversionOfTheSameOutputIsRefusedWhileTheFirstRuns) {
  std::string message;
  options_.threads = 1;
  run(plan([&](std::int64_t i) {
    if (i != 4) return;
    try {
      ConverterOptions other = options_;
      run_conversion("made", plan(), other, {});
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
  }));
  EXPECT_THAT(message, HasSubstr("another conversion is writing this output"));
}

}  // namespace
}  // namespace medsweep::datasets
