// mpirun -n 2 bench_weak_scaling PRECISION ROUNDS STEPS: each rank, with one thread, trains a
// 7.8 M U-Net on 2x3x256x256 in turn by itself (both at the same time, each on its core) and
// together with the other. Rank 0 prints for each round "<seconds a step alone> <together>", the
// mean over the ranks.

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include "bench/bench_training.h"
#include "runner/distributed/mpi_session.h"

namespace medsweep::bench {
namespace {

double seconds_a_step(Training& training, int steps) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) training.step();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return seconds.count() / steps;
}

void run(runner::Communicator& world, const TrainingOptions& options, int rounds, int steps) {
  const auto single = runner::single_communicator();
  Training alone(options, *single), together(options, world);
  seconds_a_step(alone, 2);
  seconds_a_step(together, 2);
  for (int round = 0; round < rounds; ++round) {
    std::array<double, 2> seconds{};
    world.barrier();
    seconds[0] = seconds_a_step(alone, steps);
    world.barrier();
    seconds[1] = seconds_a_step(together, steps);
    world.all_reduce_sum(seconds);
    if (world.rank() != 0) continue;
    fmt::print("{:.6f} {:.6f}\n", seconds[0] / world.size(), seconds[1] / world.size());
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace medsweep::bench

int main(int argc, char** argv) {
  using namespace medsweep;
  if (argc != 4) {
    fmt::print(stderr, "mpirun -n 2 bench_weak_scaling fp32|bf16 ROUNDS STEPS\n");
    return 2;
  }
  at::set_num_threads(1);
  runner::MpiSession session;
  try {
    bench::TrainingOptions options;
    options.precision = models::precision_of(argv[1]);
    bench::run(session.world(), options, std::stoi(argv[2]), std::stoi(argv[3]));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_weak_scaling: {}\n", error.what());
    session.abort(1);
  }
}
