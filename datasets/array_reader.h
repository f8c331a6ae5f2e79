#pragma once

#include <torch/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "datasets/stored_array.h"

namespace medsweep::datasets {

/// A box within an array's borders: the first element and how many along each axis.
struct ArrayBox {
  std::array<std::int64_t, 4> first{}, count{};
};
/// All of the array.
ArrayBox whole(const StoredArray& array);

/// What is known of the chunks of an array in this process: whether their bytes matched their
/// checksums. A chunk without compression is compared once only, since its bytes are not looked at
/// otherwise and come from the page cache from then on.
using Verified = std::span<std::atomic<std::uint8_t>>;

/// kRecorded: chunks are compared with the index's checksums.
enum class Checksums { kRecorded, kUnknown };

/// Reads a box of an array by pread and decodes the chunks that it touches, into `result`:
/// contiguous, of the box's shape and the array's type. Any thread may call it.
/// Throws std::runtime_error for a file that ends early or a chunk that is damaged.
void read_box(int descriptor, const StoredArray& array, const ArrayBox& box, Checksums checksums,
              Verified verified, torch::Tensor& result);

}  // namespace medsweep::datasets
