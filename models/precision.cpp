#include "models/precision.h"

#include <ATen/autocast_mode.h>
#include <fmt/format.h>

#include <stdexcept>

namespace medsweep::models {

Precision precision_of(std::string_view name) {
  if (name == "fp32") return Precision::kFp32;
  if (name == "bf16") return Precision::kBf16;
  if (name == "auto") return has_native_bf16() ? Precision::kBf16 : Precision::kFp32;
  throw std::invalid_argument(fmt::format("[precision] '{}'; fp32, bf16, auto are allowed", name));
}

std::string_view name_of(Precision precision) {
  return precision == Precision::kBf16 ? "bf16" : "fp32";
}

bool has_native_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") > 0;
#else
  return false;
#endif
}

AutocastGuard::AutocastGuard(Precision precision, c10::DeviceType device)
    : precision_(precision), device_(device), type_before_(at::kBFloat16) {
  if (precision_ == Precision::kFp32) return;
  enabled_before_ = at::autocast::is_autocast_enabled(device_);
  type_before_ = at::autocast::get_autocast_dtype(device_);
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, at::kBFloat16);
  at::autocast::increment_nesting();
}

AutocastGuard::~AutocastGuard() {
  if (precision_ == Precision::kFp32) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_dtype(device_, type_before_);
  at::autocast::set_autocast_enabled(device_, enabled_before_);
}

MemoryLayout memory_layout_of(std::string_view name) {
  if (name == "channels_last") return MemoryLayout::kChannelsLast;
  if (name == "contiguous") return MemoryLayout::kContiguous;
  throw std::invalid_argument(
      fmt::format("[memory_layout] '{}'; channels_last, contiguous are allowed", name));
}

at::MemoryFormat memory_format_of(MemoryLayout layout, std::int64_t dimensions) {
  if (layout == MemoryLayout::kContiguous) return at::MemoryFormat::Contiguous;
  return dimensions == 3 ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::ChannelsLast;
}

}  // namespace medsweep::models
