#include "models/layers/rectified_loops.h"

#include <algorithm>

#include "models/layers/vector_lanes.h"

namespace medsweep::models {
namespace {

// Written so that compilers make vectors of it: nothing is computed in one branch only, and what is
// no number stays so.
inline float positive(float value) { return value > 0 ? value : 0.0F; }
inline float negative(float value) { return value > 0 ? 0.0F : value; }
inline float rectified(float value, float slope) {
  return positive(value) + slope * negative(value);
}
// A gradient where a rectifier passed values on, and where it scaled them.
struct Parts {
  Parts(float gradient, float value)
      : whole(value > 0 ? gradient : 0.0F), scaled(value > 0 ? 0.0F : gradient) {}
  float whole, scaled;
};

template <typename T>
inline void moments_loop(const T* x, const Rows& rows, const float* before, const float* pivot,
                         const SumRows& sums) {
  const SumRows s = sums;
  for (std::int64_t base = 0; base < rows.count; base += rows.length) {
    const T* const row = x + base;
    const std::int64_t width = std::min(rows.length, rows.count - base);
#pragma GCC ivdep
    for (std::int64_t i = 0; i < width; ++i) {
      const float deviation = rectified(to_float(row[i]), before[i]) - pivot[i];
      s.sum[i] += deviation;
      s.products[i] += deviation * deviation;
    }
  }
}

template <typename T>
inline void forward_loop(const T* x, T* y, const Rows& rows, const RowTables& tables) {
  const RowTables t = tables;
  for (std::int64_t base = 0; base < rows.count; base += rows.length) {
    const T* const row = x + base;
    T* const out = y + base;
    const std::int64_t width = std::min(rows.length, rows.count - base);
#pragma GCC ivdep
    for (std::int64_t i = 0; i < width; ++i) {
      const float deviation = rectified(to_float(row[i]), t.before[i]) - t.mean[i];
      store(rectified(t.scale[i] * deviation + t.shift[i], t.behind[i]), out[i]);
    }
  }
}

template <typename T>
inline void sums_loop(const T* x, const T* dy, const Rows& rows, const RowTables& tables,
                      const SumRows& sums) {
  const RowTables t = tables;
  const SumRows s = sums;
  for (std::int64_t base = 0; base < rows.count; base += rows.length) {
    const T *const row = x + base, *const above = dy + base;
    const std::int64_t width = std::min(rows.length, rows.count - base);
#pragma GCC ivdep
    for (std::int64_t i = 0; i < width; ++i) {
      const float deviation = rectified(to_float(row[i]), t.before[i]) - t.mean[i];
      const float normalized = t.scale[i] * deviation + t.shift[i], incoming = to_float(above[i]);
      const Parts parts(incoming, normalized);
      const float gradient = parts.whole + t.behind[i] * parts.scaled;
      s.sum[i] += gradient;
      s.products[i] += gradient * deviation;
      s.negatives[i] += parts.scaled * normalized;
    }
  }
}

template <typename T>
inline void gradient_loop(const T* x, const T* dy, T* dx, const Rows& rows, const RowTables& tables,
                          const LinearRow& linear) {
  const RowTables t = tables;
  const LinearRow l = linear;
  for (std::int64_t base = 0; base < rows.count; base += rows.length) {
    const T *const row = x + base, *const above = dy + base;
    T* const out = dx + base;
    const std::int64_t width = std::min(rows.length, rows.count - base);
#pragma GCC ivdep
    for (std::int64_t i = 0; i < width; ++i) {
      const float value = to_float(row[i]);
      const float deviation = rectified(value, t.before[i]) - t.mean[i];
      const float normalized = t.scale[i] * deviation + t.shift[i];
      const Parts above_norm(to_float(above[i]), normalized);
      const float gradient = above_norm.whole + t.behind[i] * above_norm.scaled;
      const float own = t.scale[i] * gradient + l.slope[i] * deviation + l.offset[i];
      const Parts below(own, value);
      store(below.whole + t.before[i] * below.scaled, out[i]);
      l.sum[i] += below.scaled * value;
    }
  }
}

}  // namespace

// A template cannot be cloned for instruction sets, these can.

MEDSWEEP_VECTOR_CLONES void moments_of(const float* x, const Rows& rows, const float* before,
                                       const float* pivot, const SumRows& sums) {
  moments_loop(x, rows, before, pivot, sums);
}

MEDSWEEP_VECTOR_CLONES void forward_of(const float* x, float* y, const Rows& rows,
                                       const RowTables& tables) {
  forward_loop(x, y, rows, tables);
}

MEDSWEEP_VECTOR_CLONES void sums_of(const float* x, const float* dy, const Rows& rows,
                                    const RowTables& tables, const SumRows& sums) {
  sums_loop(x, dy, rows, tables, sums);
}

MEDSWEEP_VECTOR_CLONES void gradient_of(const float* x, const float* dy, float* dx,
                                        const Rows& rows, const RowTables& tables,
                                        const LinearRow& linear) {
  gradient_loop(x, dy, dx, rows, tables, linear);
}

MEDSWEEP_VECTOR_CLONES void moments_of(const std::uint16_t* x, const Rows& rows,
                                       const float* before, const float* pivot,
                                       const SumRows& sums) {
  moments_loop(x, rows, before, pivot, sums);
}

MEDSWEEP_VECTOR_CLONES void forward_of(const std::uint16_t* x, std::uint16_t* y, const Rows& rows,
                                       const RowTables& tables) {
  forward_loop(x, y, rows, tables);
}

MEDSWEEP_VECTOR_CLONES void sums_of(const std::uint16_t* x, const std::uint16_t* dy,
                                    const Rows& rows, const RowTables& tables,
                                    const SumRows& sums) {
  sums_loop(x, dy, rows, tables, sums);
}

MEDSWEEP_VECTOR_CLONES void gradient_of(const std::uint16_t* x, const std::uint16_t* dy,
                                        std::uint16_t* dx, const Rows& rows,
                                        const RowTables& tables, const LinearRow& linear) {
  gradient_loop(x, dy, dx, rows, tables, linear);
}

}  // namespace medsweep::models
