#include "runner/progress.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <stdlib.h>  // NOLINT: unsetenv, openpt
#include <unistd.h>

#include <limits>
#include <thread>
#include <vector>

#include "base/files.h"
#include "runner/progress_sink.h"

namespace medsweep::runner {
namespace {

/// What a terminal shows: understands "n lines up", "erase below" and line ends.
std::string screen(const std::string& output) {
  std::vector<std::string> lines{""};
  std::size_t row = 0;
  for (std::size_t i = 0; i < output.size(); ++i) {
    if (output[i] == '\x1b') {
      std::size_t end = i + 2;
      while (!std::isalpha(static_cast<unsigned char>(output[end]))) ++end;
      if (output[end] == 'A') row -= std::stoul(output.substr(i + 2, end - i - 2));
      if (output[end] == 'J') {
        lines.resize(row + 1);
        lines[row].clear();
      }
      i = end;
    } else if (output[i] == '\n') {
      if (++row == lines.size()) lines.emplace_back();
    } else if (output[i] != '\r') {
      lines[row] += output[i];
    }
  }
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

class ProgressOutput : public testing::Test {
 protected:
  Progress make(const ProgressOptions& options) {
    return Progress([this](std::string_view text) { output_ += text; }, options,
                    [this] { return now_; });
  }
  std::string output_;
  double now_ = 0;
};

TEST_F(ProgressOutput, PlainLinesComeNowAndThenAndAtEpochEnds) {
  Progress progress = make({.style = ProgressStyle::kPlain, .plain_interval_seconds = 30});
  progress.start("r50-s0", {2, 100});
  for (int step = 1; step <= 100; ++step) {
    now_ += 1;
    progress.update("r50-s0", {0, step, 0.5, 8});
  }
  progress.end_epoch("r50-s0", {0, 100, 0.4, 0}, "dice 0.88");
  progress.finish("r50-s0", "done");
  EXPECT_EQ(output_,
            "r50-s0  epoch 1/2  step 1/100  loss 0.5  8 samples/s  3 min 19 s left\n"
            "r50-s0  epoch 1/2  step 31/100  loss 0.5  8 samples/s  2 min 49 s left\n"
            "r50-s0  epoch 1/2  step 61/100  loss 0.5  8 samples/s  2 min 19 s left\n"
            "r50-s0  epoch 1/2  step 91/100  loss 0.5  8 samples/s  1 min 49 s left\n"
            "r50-s0  epoch 1/2  step 100/100  loss 0.4  8 samples/s  1 min 40 s left  dice 0.88\n"
            "r50-s0  done\n");
}

TEST_F(ProgressOutput, ATerminalShowsOneLineATrialBelowTheLog) {
  Progress progress = make({.style = ProgressStyle::kRedraw, .redraw_interval_seconds = 0});
  progress.start("a", {1, 4});
  progress.start("b", {1, 4});
  for (int step = 1; step <= 3; ++step) {
    now_ += 1;
    progress.update("a", {0, step, 0.5, 2});
    progress.update("b", {0, step, 0.25, 2});
    progress.log("warning " + std::to_string(step));
  }
  EXPECT_EQ(screen(output_),
            "warning 1\nwarning 2\nwarning 3\n"
            "a  epoch 1/1  step 3/4  loss 0.5  2 samples/s  1 s left\n"
            "b  epoch 1/1  step 3/4  loss 0.25  2 samples/s  1 s left\n\n");
  progress.finish("a", "done");
  progress.finish("b", "stopped");
  EXPECT_EQ(screen(output_), "warning 1\nwarning 2\nwarning 3\na  done\nb  stopped\n\n");
}

TEST_F(ProgressOutput, ALineNeverWraps) {
  Progress progress =
      make({.style = ProgressStyle::kRedraw, .redraw_interval_seconds = 0, .columns = 20});
  progress.start("a-name-that-is-long", {1, 4});
  progress.update("a-name-that-is-long", {0, 1, 0.5, 2});
  EXPECT_EQ(screen(output_), "a-name-that-is-long\n\n");
}

TEST_F(ProgressOutput, ATerminalIsNotRedrawnMoreOftenThanAsked) {
  Progress progress = make({.style = ProgressStyle::kRedraw, .redraw_interval_seconds = 0.1});
  progress.start("a", {1, 1000});
  int writes = 0;
  std::size_t size = 0;
  for (int step = 1; step <= 1000; ++step) {
    now_ += 0.001;
    progress.update("a", {0, step, 0.5, 2});
    if (output_.size() != size) ++writes;
    size = output_.size();
  }
  EXPECT_GE(writes, 9);
  EXPECT_LE(writes, 11);
}

TEST_F(ProgressOutput, ATrialThatGoesOnDoesNotCountEarlierStepsAsSpeed) {
  Progress progress = make({.plain_interval_seconds = 0});
  progress.start("a", {10, 100});
  for (int step = 1; step <= 50; ++step) {
    now_ += 2;
    progress.update("a", {5, step, 0.5, 4});
  }
  EXPECT_THAT(output_, testing::EndsWith("step 50/100  loss 0.5  2 samples/s  15 min 00 s left\n"));
}

TEST_F(ProgressOutput, AnEvaluationIsTimeLeftAndNoSlowness) {
  Progress progress = make({.plain_interval_seconds = 0});
  progress.start("a", {3, 2});
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (int step = 1; step <= 2; ++step) {
      now_ += 10;
      progress.update("a", {epoch, step, 0.5, 5});
    }
    now_ += 400;
    progress.end_epoch("a", {epoch, 2, 0.5, 0}, "dice 0.88");
  }
  EXPECT_EQ(output_,
            "a  epoch 1/3  step 1/2  loss 0.5  0.5 samples/s  50 s left\n"
            "a  epoch 1/3  step 2/2  loss 0.5  0.5 samples/s  40 s left\n"
            "a  epoch 1/3  step 2/2  loss 0.5  0.5 samples/s  14 min 00 s left  dice 0.88\n"
            "a  epoch 2/3  step 1/2  loss 0.5  0.5 samples/s  13 min 50 s left\n"
            "a  epoch 2/3  step 2/2  loss 0.5  0.5 samples/s  13 min 40 s left\n"
            "a  epoch 2/3  step 2/2  loss 0.5  0.5 samples/s  7 min 00 s left  dice 0.88\n");
}

TEST_F(ProgressOutput, LogLinesGoThroughTheSameWriter) {
  Progress progress = make({.style = ProgressStyle::kRedraw, .redraw_interval_seconds = 0});
  spdlog::logger logger("test", log_sink(progress));
  logger.set_pattern("%l: %v");
  progress.start("a", {1, 4});
  progress.update("a", {0, 1, 0.5, 2});
  logger.info("started");
  EXPECT_THAT(screen(output_), testing::StartsWith("info: started\na  epoch"));
}

TEST_F(ProgressOutput, ThreadsDoNotGarble) {
  Progress progress = make({.style = ProgressStyle::kPlain});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int line = 0; line < 100; ++line)
        progress.log(std::string(20, static_cast<char>('a' + i)));
    });
  for (auto& thread : threads) thread.join();
  ASSERT_EQ(output_.size(), 4 * 100 * 21U);
  for (std::size_t start = 0; start < output_.size(); start += 21)
    EXPECT_EQ(output_.substr(start, 21), std::string(20, output_[start]).append("\n"));
}

TEST(ProgressStyleOf, IsPlainUnlessItIsATerminalWithATerm) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const FileDescriptor reader(pipe_ends[0]), writer(pipe_ends[1]);
  const FileDescriptor terminal(posix_openpt(O_RDWR | O_NOCTTY));
  setenv("TERM", "xterm", 1);
  EXPECT_EQ(progress_options_for(writer.get()).style, ProgressStyle::kPlain);
  if (isatty(terminal.get()) != 0) {
    EXPECT_EQ(progress_options_for(terminal.get()).style, ProgressStyle::kRedraw);
  }
  setenv("TERM", "dumb", 1);
  EXPECT_EQ(progress_options_for(terminal.get()).style, ProgressStyle::kPlain);
  unsetenv("TERM");
  EXPECT_EQ(progress_options_for(terminal.get()).style, ProgressStyle::kPlain);
}

}  // namespace
}  // namespace medsweep::runner
