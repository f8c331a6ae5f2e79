// bench_checkpoint_stall FOLDER THREADS ROUNDS STEPS: trains a 31 M U-Net with Adam on 1x3x512x512
// in bf16, in turn STEPS steps without and STEPS steps with one checkpoint in the background, as
// long as that takes. Prints for each round "<seconds of a step> <seconds that the checkpoint added
// to the loop> <seconds until it was on the disk> <seconds that the loop stood still for it>".

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/bench_training.h"

namespace medsweep::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void save(Training& training, runner::CheckpointWriter& writer, std::int64_t step) {
  runner::TrainingState state;
  state.step = step;
  writer.save(state, runner::named_tensors(training.model()), training.optimizer().state());
}

void run(const std::string& folder, int rounds, int steps) {
  TrainingOptions options{.width = 64, .batch_size = 1, .side = 512};
  options.precision = models::Precision::kBf16;
  const auto group = runner::single_communicator();
  Training training(options, *group);
  runner::CheckpointWriter writer(folder, {.keep = 1});
  for (int i = 0; i < 2; ++i) training.step();
  save(training, writer, 0);  // the buffers, which later checkpoints find there
  writer.finish();
  for (int round = 1; round <= rounds; ++round) {
    auto start = Clock::now();
    for (int i = 0; i < steps; ++i) training.step(&writer);
    const double without = seconds_since(start);
    const double waited = training.seconds_waited();
    start = Clock::now();
    save(training, writer, round);
    const double saving = seconds_since(start);
    double written = 0;
    for (int i = 0; i < steps; ++i) {
      training.step(&writer);
      if (written == 0 && !writer.busy()) written = seconds_since(start);
    }
    const double with = seconds_since(start);
    if (written == 0)
      throw std::runtime_error("[checkpoint_stall] still writing after the steps; more are needed");
    fmt::print("{:.6f} {:.6f} {:.6f} {:.6f}\n", without / steps, with - without, written,
               saving + training.seconds_waited() - waited);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace medsweep::bench

int main(int argc, char** argv) try {
  if (argc != 5) throw std::invalid_argument("bench_checkpoint_stall FOLDER THREADS ROUNDS STEPS");
  at::set_num_threads(std::stoi(argv[2]));
  medsweep::bench::run(argv[1], std::stoi(argv[3]), std::stoi(argv[4]));
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_checkpoint_stall: {}\n", error.what());
  return 1;
}
