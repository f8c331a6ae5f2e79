// bench_step PRECISION LAYOUT THREADS: training steps of a 7.8 M U-Net on 2x3x256x256, when asked.
//
// Prints "ready", then answers each line "N" on its standard input with
// "<seconds a step> <loss of the last step>". bench/unet.py does the same in PyTorch.

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "bench/bench_training.h"

int main(int argc, char** argv) try {
  using namespace medsweep;
  if (argc != 4)
    throw std::invalid_argument("bench_step fp32|bf16 channels_last|contiguous THREADS");
  at::set_num_threads(std::stoi(argv[3]));
  const auto group = runner::single_communicator();
  bench::TrainingOptions options;
  options.precision = models::precision_of(argv[1]);
  options.layout = models::memory_layout_of(argv[2]);
  bench::Training training(options, *group);
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const int steps = std::stoi(line);
    double loss = 0;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < steps; ++i) loss = training.step();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fmt::print("{:.6f} {:.6f}\n", seconds.count() / steps, loss);
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_step: {}\n", error.what());
  return 1;
}
