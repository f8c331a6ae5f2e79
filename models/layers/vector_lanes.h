#pragma once

#include <bit>
#include <cstdint>

/// In front of a plain function (no template): built for several instruction sets, of which the
/// widest that the processor has is called.
#if defined(__x86_64__)
#define MEDSWEEP_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define MEDSWEEP_VECTOR_CLONES
#endif

namespace medsweep::models {

inline float to_float(float value) { return value; }

inline float to_float(std::uint16_t bfloat16) {
  return std::bit_cast<float>(std::uint32_t{bfloat16} << 16);
}

inline void store(float value, float& out) { out = value; }

/// To the nearest bfloat16, ties to even; not a number stays so.
inline void store(float value, std::uint16_t& out) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  out = static_cast<std::uint16_t>(value != value ? 0x7FC0U : rounded);
}

}  // namespace medsweep::models
