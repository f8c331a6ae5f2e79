#pragma once

#include <fmt/format.h>
#include <torch/nn/module.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

namespace medsweep::bench {

/// Numbers in [-1, 1) that look random, which the Python side of a bench makes as well.
inline torch::Tensor noise(std::int64_t stream, at::IntArrayRef shape) {
  const torch::Tensor positions =
      torch::arange(c10::multiply_integers(shape), torch::dtype(torch::kDouble));
  const torch::Tensor waves = (positions * 12.9898 + static_cast<double>(stream) * 78.233).sin();
  return ((waves * 43758.5453).frac().abs() * 2 - 1).to(torch::kFloat).view(shape);
}

/// Biases become 0, kernels noise times factor_of(key, inputs); streams count in the order of the
/// keys.
inline void fill_kernels(
    torch::nn::Module& module,
    const std::function<double(const std::string& key, double inputs)>& factor_of) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> kernels;
  for (auto& item : module.named_parameters()) {
    if (item.key().ends_with("bias")) item.value().zero_();
    if (item.value().dim() > 1) kernels.emplace(item.key(), item.value());
  }
  std::int64_t stream = 0;
  for (auto& [key, kernel] : kernels) {
    const auto inputs = static_cast<double>(kernel.numel() / kernel.size(0));
    kernel.copy_(noise(++stream, kernel.sizes()) * factor_of(key, inputs));
  }
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
