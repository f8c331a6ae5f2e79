#include "models/operators/roi_taps.h"

#include <algorithm>
#include <cmath>

namespace medsweep::models {
namespace {

struct RoiAxis {
  float start;  // of the box, in pixels of the map
  float bin;    // length of a bin
  std::int64_t samples;
  std::int64_t size;  // of the map
};

void add_tap(AxisTaps& taps, std::int64_t position, float weight) {
  if (weight == 0) return;
  const auto at = static_cast<std::int32_t>(position);
  const auto count = static_cast<std::int32_t>(taps.positions.size());
  for (std::int32_t i = std::max(taps.first.back(), count - 2); i < count; ++i)
    if (const auto k = static_cast<std::size_t>(i); taps.positions[k] == at) {
      taps.weights[k] += weight;
      return;
    }
  taps.positions.push_back(at);
  taps.weights.push_back(weight);
}

void add_sample(AxisTaps& taps, const RoiAxis& axis, float where) {
  if (!(where >= -1.0F && where <= static_cast<float>(axis.size))) return;
  const float inside = std::max(where, 0.0F);
  const auto low = static_cast<std::int64_t>(inside);
  const float share = 1.0F / static_cast<float>(axis.samples);
  if (low >= axis.size - 1) {
    add_tap(taps, axis.size - 1, share);
    return;
  }
  const float fraction = inside - static_cast<float>(low);
  add_tap(taps, low, (1.0F - fraction) * share);
  add_tap(taps, low + 1, fraction * share);
}

// The samples of a bin that may lie on the map: a box may be far larger than the map.
std::pair<std::int64_t, std::int64_t> samples_near(const RoiAxis& axis, float start) {
  const double step = static_cast<double>(axis.bin) / static_cast<double>(axis.samples);
  if (axis.samples <= 64 || step <= 0) return {0, axis.samples};
  const double margin = 4 + std::abs(static_cast<double>(start)) * 1e-6;
  const auto samples = static_cast<double>(axis.samples);
  const double first = (-1 - margin - start) / step - 1;
  const double last = (static_cast<double>(axis.size) + margin - start) / step + 1;
  return {static_cast<std::int64_t>(std::clamp(first, 0.0, samples)),
          static_cast<std::int64_t>(std::clamp(last, 0.0, samples))};
}

void fill_axis(AxisTaps& taps, const RoiAxis& axis, std::int64_t bins) {
  taps.positions.clear();
  taps.weights.clear();
  taps.first.assign(1, 0);
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    // The order of these float32 operations decides on which side of a pixel a sample falls.
    const float start = axis.start + static_cast<float>(bin) * axis.bin;
    const auto [from, to] = samples_near(axis, start);
    for (std::int64_t i = from; i < to; ++i)
      add_sample(
          taps, axis,
          start + (static_cast<float>(i) + 0.5F) * axis.bin / static_cast<float>(axis.samples));
    taps.first.push_back(static_cast<std::int32_t>(taps.positions.size()));
  }
}

RoiAxis axis_of(float low, float high, const RoiAlignOptions& options, std::int64_t bins) {
  const bool edge = options.corner == RoiCorner::kEdge;
  const auto scale = static_cast<float>(options.scale);
  const float offset = edge ? 0.0F : 0.5F;
  const float start = low * scale - offset;
  float length = high * scale - offset - start;
  if (edge) length = std::max(length, 1.0F);
  const float bin = length / static_cast<float>(bins);
  if (!std::isfinite(start) || !std::isfinite(length)) return {0, 0, 0, 0};
  const auto adaptive = static_cast<std::int64_t>(std::ceil(bin > 1e15F ? 1e15F : bin));
  return {start, bin, options.sampling_ratio > 0 ? options.sampling_ratio : adaptive, 0};
}

}  // namespace

void find_taps(const float* roi, const RoiAlignOptions& options, std::int64_t height,
               std::int64_t width, RoiTaps& taps) {
  RoiAxis columns = axis_of(roi[1], roi[3], options, options.width);
  RoiAxis rows = axis_of(roi[2], roi[4], options, options.height);
  columns.size = width;
  rows.size = height;
  fill_axis(taps.columns, columns, options.width);
  fill_axis(taps.rows, rows, options.height);
}

}  // namespace medsweep::models
