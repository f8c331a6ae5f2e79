#pragma once

#include <fmt/format.h>
#include <torch/types.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>

namespace medsweep::bench {

/// Numbers in [-1, 1] that the Python side of a bench makes as well.
inline torch::Tensor waves(std::int64_t stream, at::IntArrayRef shape) {
  const torch::Tensor positions =
      torch::arange(c10::multiply_integers(shape), torch::dtype(torch::kDouble));
  return (positions * 12.9898 + static_cast<double>(stream) * 78.233)
      .sin()
      .to(torch::kFloat)
      .view(shape);
}

inline double peak_resident_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  throw std::runtime_error("/proc/self/status has no VmHWM");
}

/// Prints "ready", then answers each line "N" on the standard input with "<seconds a pass> <what
/// the last pass gave> <peak resident MiB>" of N passes.
inline void answer(const std::function<double()>& pass) {
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const int count = std::stoi(line);
    double value = 0;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) value = pass();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fmt::print("{:.6f} {:.6f} {:.0f}\n", seconds.count() / count, value, peak_resident_mib());
    std::fflush(stdout);
  }
}

}  // namespace medsweep::bench
