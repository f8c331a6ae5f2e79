#include "models/layers/channel_affine.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "models/layers/vector_lanes.h"

namespace medsweep::models {
namespace {

template <typename T>
inline void pixels_loop(const T* x, const T* y, T* out, const float* a, const float* b,
                        const float* c, std::int64_t pixels, std::int64_t channels) {
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel)
    for (std::int64_t i = 0; i < channels; ++i) {
      const std::int64_t at = pixel * channels + i;
      store(to_float(x[at]) * a[i] + to_float(y[at]) * b[i] + c[i], out[at]);
    }
}

template <typename T>
inline void plane_loop(const T* x, const T* y, T* out, float a, float b, float c,
                       std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    store(to_float(x[i]) * a + to_float(y[i]) * b + c, out[i]);
}

// Dispatched to the widest vectors at run time: a template cannot be cloned, these can.
MEDSWEEP_VECTOR_CLONES void affine_pixels(const float* x, const float* y, float* out,
                                          const float* a, const float* b, const float* c,
                                          std::int64_t pixels, std::int64_t channels) {
  pixels_loop(x, y, out, a, b, c, pixels, channels);
}

MEDSWEEP_VECTOR_CLONES void affine_pixels(const std::uint16_t* x, const std::uint16_t* y,
                                          std::uint16_t* out, const float* a, const float* b,
                                          const float* c, std::int64_t pixels,
                                          std::int64_t channels) {
  pixels_loop(x, y, out, a, b, c, pixels, channels);
}

MEDSWEEP_VECTOR_CLONES void affine_plane(const float* x, const float* y, float* out, float a,
                                         float b, float c, std::int64_t count) {
  plane_loop(x, y, out, a, b, c, count);
}

MEDSWEEP_VECTOR_CLONES void affine_plane(const std::uint16_t* x, const std::uint16_t* y,
                                         std::uint16_t* out, float a, float b, float c,
                                         std::int64_t count) {
  plane_loop(x, y, out, a, b, c, count);
}

template <typename T>
void affine_on_cpu(const torch::Tensor& x, const float* a, const torch::Tensor& y, const float* b,
                   const float* c, torch::Tensor& out, at::MemoryFormat format) {
  const T* const xs = static_cast<const T*>(x.const_data_ptr());
  const T* const ys = static_cast<const T*>(y.const_data_ptr());
  T* const outs = static_cast<T*>(out.mutable_data_ptr());
  const std::int64_t channels = y.size(1), area = y.size(2) * y.size(3);
  if (format == at::MemoryFormat::ChannelsLast) {
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / channels);
    at::parallel_for(0, y.size(0) * area, grain, [&](std::int64_t first, std::int64_t last) {
      const std::int64_t at = first * channels;
      affine_pixels(xs + at, ys + at, outs + at, a, b, c, last - first, channels);
    });
  } else {
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / area);
    at::parallel_for(0, y.size(0) * channels, grain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t plane = first; plane < last; ++plane) {
        const std::int64_t channel = plane % channels, at = plane * area;
        affine_plane(xs + at, ys + at, outs + at, a[channel], b[channel], c[channel], area);
      }
    });
  }
}

}  // namespace

torch::Tensor channel_affine(const torch::Tensor& x, const torch::Tensor& a, const torch::Tensor& y,
                             const torch::Tensor& b, const torch::Tensor& c) {
  if (y.numel() == 0) return torch::empty_like(y);
  const auto type = y.scalar_type();
  if (!y.is_cpu() || (type != torch::kFloat && type != torch::kBFloat16)) {
    const auto spread = [](const torch::Tensor& values) { return values.view({1, -1, 1, 1}); };
    return (y * spread(b) + x * spread(a) + spread(c))
        .to(type)
        .contiguous(y.suggest_memory_format());
  }
  const auto format = y.suggest_memory_format();
  const torch::Tensor xs = x.to(type).contiguous(format), ys = y.contiguous(format);
  torch::Tensor out = torch::empty_like(ys);
  const torch::Tensor factors = torch::stack({a, b, c});  // [3, C]
  const float* const table = factors.const_data_ptr<float>();
  const std::int64_t channels = y.size(1);
  const float* const bs = table + channels;
  const float* const cs = table + 2 * channels;
  if (type == torch::kFloat)
    affine_on_cpu<float>(xs, table, ys, bs, cs, out, format);
  else
    affine_on_cpu<std::uint16_t>(xs, table, ys, bs, cs, out, format);
  return out;
}

}  // namespace medsweep::models
