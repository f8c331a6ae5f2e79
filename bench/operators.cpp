// bench_operators [LAYOUT]: operators of detection, timed when asked; two threads.
//
// Prints "ready", then answers each line "roi_align BOXES TYPE" (float32 or bfloat16; forward and
// backward, 7x7 bins, sampling ratio 2, features 2x256x64x64 in LAYOUT: channels_last or
// contiguous) or "nms BOXES" with the milliseconds of one run. bench/operators.py does the same
// with torchvision; torch's generator makes the same boxes there.

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>

#include "models/operators/nms.h"
#include "models/operators/roi_align.h"
#include "models/precision.h"
#include "runner/training_memory.h"

namespace {

using namespace medsweep;

constexpr double kSeconds = 0.5;  // at least one run, then as many as fit

double milliseconds_of(const std::function<void()>& run) {
  run();
  const auto start = std::chrono::steady_clock::now();
  int runs = 0;
  for (;;) {
    run();
    ++runs;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (seconds.count() >= kSeconds) return seconds.count() * 1000 / runs;
  }
}

// Corners anywhere in side x side, sides from `smallest` to `largest`, cut at the border.
torch::Tensor random_boxes(std::int64_t count, double side, double smallest, double largest) {
  torch::manual_seed(0);
  const torch::Tensor values = torch::rand({count, 4});
  const torch::Tensor low = values.slice(1, 0, 2) * side;
  const torch::Tensor size = values.slice(1, 2, 4) * (largest - smallest) + smallest;
  return torch::cat({low, low + size}, 1).clamp(0, side);
}

double roi_align_milliseconds(std::int64_t count, torch::Dtype type, at::MemoryFormat format) {
  const torch::Tensor boxes = random_boxes(count, 256, 16, 112);
  const torch::Tensor images = torch::arange(count, torch::kFloat).remainder(2).unsqueeze(1);
  const torch::Tensor rois = torch::cat({images, boxes}, 1);
  const models::RoiAlignOptions options{7, 7, 0.25, 2};
  torch::Tensor features = torch::randn({2, 256, 64, 64}).to(type).contiguous(format);
  const torch::Tensor gradient = torch::randn({count, 256, 7, 7}).to(type).contiguous(format);
  features.requires_grad_();
  return milliseconds_of([&] {
    features.mutable_grad().reset();
    models::roi_align(features, rois, options).backward(gradient);
  });
}

double nms_milliseconds(std::int64_t count) {
  const torch::Tensor boxes = random_boxes(count, 1000, 10, 110);
  const torch::Tensor scores = torch::rand({count});
  return milliseconds_of([&] { models::nms(boxes, scores, 0.7); });
}

double answer(const std::string& line, at::MemoryFormat format) {
  std::istringstream words(line);
  std::string what, type;
  std::int64_t count = 0;
  words >> what >> count >> type;
  if (what == "nms") return nms_milliseconds(count);
  return roi_align_milliseconds(count, type == "bfloat16" ? torch::kBFloat16 : torch::kFloat,
                                format);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string layout = argc > 1 ? argv[1] : "channels_last";
  const auto format = models::memory_format_of(models::memory_layout_of(layout));
  at::set_num_threads(2);
  runner::keep_freed_memory();  // as the trainer does
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{:.3f}\n", answer(line, format));
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
