#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

namespace medsweep {

/// A stream of random numbers that is a function of its key alone: the same (seed, epoch, step,
/// sample, layer) draws the same numbers on every rank and thread, in every order.
/// Philox4x32-10, Salmon et al.: Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
///
/// Every draw of randomness in training comes from here, never from torch's generator: exact
/// resume on any number of ranks rests on it.
class RandomStream {
 public:
  /// The key's integers in a fixed order, e.g. {seed, kAugmentation, epoch, sample}.
  explicit RandomStream(std::initializer_list<std::uint64_t> key);

  /// 32 uniform bits.
  std::uint32_t bits();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high);
  /// Uniform in {0, ..., count - 1}; count must be positive.
  std::int64_t below(std::int64_t count);
  /// Standard normal (Box-Muller).
  double normal();
  /// True with probability p.
  bool chance(double p) { return uniform() < p; }

 private:
  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

/// The ten-round block function, for tests against the published vectors.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// What a stream is for: the second integer of every key, so that no two uses share numbers.
enum class RandomUse : std::uint64_t {
  kInit = 1,
  kSplit,
  kOrder,
  kAugmentation,
  kPatch,
  kLayer,
  kPhantom,
};

}  // namespace medsweep
