// bench_step PRECISION LAYOUT THREADS: training steps of a 7.8 M U-Net on 2x3x256x256, when asked;
// see answer(). bench/step.py does the same in PyTorch.

#include <ATen/Parallel.h>
#include <fmt/format.h>

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
  bench::answer([&] { return training.step(); });
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_step: {}\n", error.what());
  return 1;
}
