#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string_view>

namespace medsweep::models {

/// In what the network computes. Parameters, losses, metrics and probabilities are float32 always.
enum class Precision {
  kFp32,
  kBf16,  ///< bfloat16 convolutions and activations, by torch's autocast
};

/// "fp32", "bf16" or "auto" (bf16 where has_native_bf16(), else fp32).
/// Throws std::invalid_argument for another name.
Precision precision_of(std::string_view name);
std::string_view name_of(Precision precision);

/// Whether this processor multiplies bfloat16 by itself (AVX512-BF16 or AMX).
bool has_native_bf16();

/// While it lives, the calling thread's operators run in `precision` on `device`; then everything
/// is as it was, and the converted weights are dropped.
class AutocastGuard {
 public:
  AutocastGuard(Precision precision, c10::DeviceType device);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  Precision precision_;
  c10::DeviceType device_;
  bool enabled_before_ = false;
  at::ScalarType type_before_;
};

/// How images and features lie in memory.
enum class MemoryLayout {
  kChannelsLast,  ///< N, (D,) H, W, C: what CPU and GPU convolutions like best (default)
  kContiguous,    ///< N, C, (D,) H, W
};

/// "channels_last", "contiguous". Throws std::invalid_argument for another name.
MemoryLayout memory_layout_of(std::string_view name);
/// dimensions: 2 of images, 3 of volumes.
at::MemoryFormat memory_format_of(MemoryLayout layout, std::int64_t dimensions = 2);

}  // namespace medsweep::models
