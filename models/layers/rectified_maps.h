#pragma once

#include <cstdint>
#include <vector>

namespace medsweep::models {

/// Channels-last maps in memory: `samples` runs of `pixels` x `channels` values. Where statistics
/// are taken over the whole batch, the batch is one run.
struct PixelRuns {
  std::int64_t samples, pixels, channels;
};

/// What a pass needs to know of every channel of every run, [samples * channels] each:
///   u = x > 0 ? x : before * x, d = u - mean, z = scale * d + shift, y = z > 0 ? z : behind * z.
struct RectifiedTables {
  std::vector<float> before, mean, scale, shift, behind;
};

/// A sum, and others with it, of every channel of every run, [samples * channels].
struct ChannelSums {
  std::vector<double> first, second{}, third{};
};

// The passes below stream over memory once. T: float, or std::uint16_t for the bits of bfloat16;
// arithmetic in float32, sums of 32 values each in float32 and of those in float64, in
// an order that does not depend on the number of threads.

/// Mean and sum of squared deviations of u.
template <typename T>
ChannelSums rectified_moments(const T* x, const PixelRuns& runs, const std::vector<float>& before);

/// y, see RectifiedTables.
template <typename T>
void rectified_forward(const T* x, T* y, const PixelRuns& runs, const RectifiedTables& tables);

/// With g = dy (z > 0 ? 1 : behind): the sums of g, of g d, and of dy min(z, 0), which is the
/// gradient of `behind`.
template <typename T>
ChannelSums rectified_gradient_sums(const T* x, const T* dy, const PixelRuns& runs,
                                    const RectifiedTables& tables);

/// du = scale g + slope d + offset, dx = du (x > 0 ? 1 : before), with `slope` and `offset` a
/// channel of a run. Returns the sum of du min(x, 0): the gradient of `before`.
template <typename T>
ChannelSums rectified_gradient(const T* x, const T* dy, T* dx, const PixelRuns& runs,
                               const RectifiedTables& tables, const ChannelSums& slope_and_offset);

}  // namespace medsweep::models
