#pragma once

#include <cstdint>

namespace medsweep::models {

/// `count` values, of which `length` make a row: a table has an entry for each of a row's.
struct Rows {
  std::int64_t count, length;
};

/// RectifiedTables, spread over a row.
struct RowTables {
  const float *before, *mean, *scale, *shift, *behind;
};

/// What is added up for each of a row's entries; `products` are squares of what is summed, or with
/// the deviation.
struct SumRows {
  float *sum, *products, *negatives = nullptr;
};

struct LinearRow {
  const float *slope, *offset;
  float* sum;  ///< of the gradient of `before`
};

// The inner loops of rectified_maps.h, on one thread, by the widest vectors that the processor has.

void moments_of(const float* x, const Rows& rows, const float* before, const float* pivot,
                const SumRows& sums);
void moments_of(const std::uint16_t* x, const Rows& rows, const float* before, const float* pivot,
                const SumRows& sums);

void forward_of(const float* x, float* y, const Rows& rows, const RowTables& tables);
void forward_of(const std::uint16_t* x, std::uint16_t* y, const Rows& rows,
                const RowTables& tables);

void sums_of(const float* x, const float* dy, const Rows& rows, const RowTables& tables,
             const SumRows& sums);
void sums_of(const std::uint16_t* x, const std::uint16_t* dy, const Rows& rows,
             const RowTables& tables, const SumRows& sums);

void gradient_of(const float* x, const float* dy, float* dx, const Rows& rows,
                 const RowTables& tables, const LinearRow& linear);
void gradient_of(const std::uint16_t* x, const std::uint16_t* dy, std::uint16_t* dx,
                 const Rows& rows, const RowTables& tables, const LinearRow& linear);

}  // namespace medsweep::models
