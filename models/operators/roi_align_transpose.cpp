#include <cstring>

#include "models/operators/roi_align_kernels.h"

namespace medsweep::models {
namespace {

using FourFloats = float __attribute__((vector_size(16)));
using FourHalves = std::uint16_t __attribute__((vector_size(8)));

template <typename T>
void transpose_scalars(const T* in, const TileShape& shape, std::int64_t first_row,
                       std::int64_t first_column, T* out) {
  for (std::int64_t row = first_row; row < shape.rows; ++row)
    for (std::int64_t column = first_column; column < shape.columns; ++column)
      out[column * shape.out_stride + row] = in[row * shape.in_stride + column];
}

// Four rows of four in registers.
template <typename Four, typename T>
inline void transpose_block(const T* in, const TileShape& shape, T* out) {
  Four a, b, c, d;
  std::memcpy(&a, in, sizeof a);
  std::memcpy(&b, in + shape.in_stride, sizeof b);
  std::memcpy(&c, in + 2 * shape.in_stride, sizeof c);
  std::memcpy(&d, in + 3 * shape.in_stride, sizeof d);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
  std::memcpy(out, &a, sizeof a);
  std::memcpy(out + shape.out_stride, &b, sizeof b);
  std::memcpy(out + 2 * shape.out_stride, &c, sizeof c);
  std::memcpy(out + 3 * shape.out_stride, &d, sizeof d);
}

template <typename Four, typename T>
void transpose(const T* in, const TileShape& shape, T* out) {
  const std::int64_t rows = shape.rows / 4 * 4, columns = shape.columns / 4 * 4;
  for (std::int64_t column = 0; column < columns; column += 4)
    for (std::int64_t row = 0; row < rows; row += 4)
      transpose_block<Four>(in + row * shape.in_stride + column, shape,
                            out + column * shape.out_stride + row);
  transpose_scalars(in, shape, rows, 0, out);
  TileShape upper = shape;
  upper.rows = rows;
  transpose_scalars(in, upper, 0, columns, out);
}

}  // namespace

void transpose_tile(const float* in, const TileShape& shape, float* out) {
  transpose<FourFloats>(in, shape, out);
}

void transpose_tile(const std::uint16_t* in, const TileShape& shape, std::uint16_t* out) {
  transpose<FourHalves>(in, shape, out);
}

}  // namespace medsweep::models
