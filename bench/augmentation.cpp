// bench_augmentation SIZE CHANNELS BATCH: flip_rotate, elastic and brightness on SIZE x SIZE
// float32 images with labels, by two threads into batches, when asked.
//
// Prints "ready", then answers each line "N" on its standard input with the samples a second of N
// batches. bench/augmentation.py does the same with torchvision and MONAI.

#include "datasets/augmentation/augmentation.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace medsweep;
using datasets::View;

constexpr std::int64_t kSamples = 16;
constexpr int kThreads = 2;

struct AugmentationBench {
  std::int64_t size, channels, batch;
  std::vector<View> samples;
  datasets::Augmentation augmentation;
};

// A batch as the loader makes it: fresh tensors, changed, then stacked.
void make_batch(const AugmentationBench& bench, std::uint64_t number) {
  std::vector<torch::Tensor> images, labels;
  for (std::int64_t i = 0; i < bench.batch; ++i) {
    const View& sample = bench.samples[static_cast<std::size_t>(i % kSamples)];
    View view{sample.image.clone(), sample.labels.clone()};
    RandomStream stream({number, static_cast<std::uint64_t>(i)});
    bench.augmentation.apply(view, stream);
    images.push_back(view.image);
    labels.push_back(view.labels);
  }
  const torch::Tensor image = torch::stack(images), label = torch::stack(labels);
}

double samples_a_second(const AugmentationBench& bench, int batches) {
  std::atomic<int> next = 0;
  const auto work = [&] {
    const torch::NoGradGuard no_gradients;
    for (int number = next++; number < batches; number = next++)
      make_batch(bench, static_cast<std::uint64_t>(number));
  };
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return static_cast<double>(batches * bench.batch) / seconds.count();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::invalid_argument("bench_augmentation SIZE CHANNELS BATCH");
  at::set_num_threads(1);
  AugmentationBench bench{std::stoll(argv[1]), std::stoll(argv[2]), std::stoll(argv[3]), {}, {}};
  for (std::int64_t i = 0; i < kSamples; ++i)
    bench.samples.push_back({torch::rand({bench.channels, bench.size, bench.size}),
                             torch::randint(0, 4, {bench.size, bench.size}).to(torch::kInt16)});
  const datasets::AugmentationOptions always{.probability = 1};
  bench.augmentation = datasets::make_augmentation(
      {{"flip_rotate", always}, {"elastic", always}, {"brightness", always}});
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{:.2f}\n", samples_a_second(bench, std::stoi(line)));
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_augmentation: {}\n", error.what());
  return 1;
}
