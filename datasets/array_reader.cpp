#include "datasets/array_reader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "base/digest.h"
#include "base/files.h"

namespace medsweep::datasets {
namespace {

/// All bytes at a place; a file that ends early is an error.
void read_at(int descriptor, std::int64_t offset, std::span<std::uint8_t> bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = pread(descriptor, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset) + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    check_errno(count, "pread", "chunk cannot be read");
    if (count == 0) throw std::runtime_error("the file ends early");
    done += static_cast<std::size_t>(count);
  }
}

class ChunkReader {
 public:
  ChunkReader(int descriptor, const StoredArray& array, Checksums checksums, Verified verified)
      : descriptor_(descriptor), array_(array), checksums_(checksums), verified_(verified) {}

  /// Decodes chunk `number` into `result`.
  void read(std::size_t number, std::span<std::uint8_t> result) const {
    const StoredChunk& chunk = array_.chunks[number];
    const bool plain = array_.compression == Compression::kNone && array_.shuffle == Shuffle::kNo &&
                       chunk.bytes == static_cast<std::int64_t>(result.size());
    if (plain) {
      read_at(descriptor_, chunk.offset, result);
      return verify(number, result);
    }
    thread_local std::vector<std::uint8_t> stored;
    stored.resize(static_cast<std::size_t>(chunk.bytes));
    read_at(descriptor_, chunk.offset, stored);
    verify(number, stored);
    decode_chunk(stored, array_, chunk.filter_mask, result);
  }

 private:
  void verify(std::size_t number, std::span<const std::uint8_t> bytes) const {
    if (checksums_ == Checksums::kUnknown) return;
    std::atomic<std::uint8_t>& seen = verified_[number];
    if (array_.compression == Compression::kNone && seen.load(std::memory_order_relaxed) != 0)
      return;
    const std::int64_t found = crc32({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (found != array_.chunks[number].crc32)
      throw std::runtime_error("checksum differs: damaged or changed since it was prepared");
    seen.store(1, std::memory_order_relaxed);
  }

  int descriptor_;
  const StoredArray& array_;
  Checksums checksums_;
  Verified verified_;
};

/// An array with four axes, the leading ones of length 1.
struct FourAxes {
  std::array<std::int64_t, 4> shape{1, 1, 1, 1}, chunk{1, 1, 1, 1}, grid{1, 1, 1, 1};
  std::array<std::int64_t, 4> first{}, count{1, 1, 1, 1};

  FourAxes(const StoredArray& array, const ArrayBox& box) {
    const std::size_t axes = array.shape.size(), shift = 4 - axes;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      shape[axis + shift] = array.shape[axis];
      chunk[axis + shift] = array.chunk[axis];
      grid[axis + shift] = (array.shape[axis] + array.chunk[axis] - 1) / array.chunk[axis];
      first[axis + shift] = box.first[axis];
      count[axis + shift] = box.count[axis];
    }
  }
  bool is_one_chunk() const { return chunk == shape && count == shape; }
};

/// What of the box lies in the chunk at `origin`, row by row from `decoded` to `result`.
void copy_overlap(const FourAxes& axes, const std::array<std::int64_t, 4>& origin,
                  std::size_t element, const std::uint8_t* decoded, std::uint8_t* result) {
  std::array<std::int64_t, 4> low{}, high{};
  for (std::size_t axis = 0; axis < 4; ++axis) {
    low[axis] = std::max(axes.first[axis], origin[axis]);
    high[axis] = std::min(axes.first[axis] + axes.count[axis], origin[axis] + axes.chunk[axis]);
  }
  const auto row_bytes = static_cast<std::size_t>(high[3] - low[3]) * element;
  const auto offset = [element](const std::array<std::int64_t, 4>& at,
                                const std::array<std::int64_t, 4>& base,
                                const std::array<std::int64_t, 4>& size) {
    std::int64_t index = 0;
    for (std::size_t axis = 0; axis < 4; ++axis) index = index * size[axis] + at[axis] - base[axis];
    return static_cast<std::size_t>(index) * element;
  };
  for (std::int64_t a = low[0]; a < high[0]; ++a)
    for (std::int64_t b = low[1]; b < high[1]; ++b)
      for (std::int64_t c = low[2]; c < high[2]; ++c) {
        const std::array<std::int64_t, 4> at{a, b, c, low[3]};
        std::memcpy(result + offset(at, axes.first, axes.count),
                    decoded + offset(at, origin, axes.chunk), row_bytes);
      }
}

}  // namespace

ArrayBox whole(const StoredArray& array) {
  ArrayBox box;
  std::ranges::copy(array.shape, box.count.begin());
  return box;
}

void read_box(int descriptor, const StoredArray& array, const ArrayBox& box, Checksums checksums,
              Verified verified, torch::Tensor& result) {
  const ChunkReader reader(descriptor, array, checksums, verified);
  const FourAxes axes(array, box);
  auto* const bytes = static_cast<std::uint8_t*>(result.mutable_data_ptr());
  if (axes.is_one_chunk())
    return reader.read(0, {bytes, static_cast<std::size_t>(result.nbytes())});
  thread_local std::vector<std::uint8_t> decoded;
  decoded.resize(chunk_bytes(array));
  std::array<std::int64_t, 4> from{}, to{}, at{};
  for (std::size_t axis = 0; axis < 4; ++axis) {
    from[axis] = axes.first[axis] / axes.chunk[axis];
    to[axis] = (axes.first[axis] + axes.count[axis] - 1) / axes.chunk[axis];
  }
  for (at[0] = from[0]; at[0] <= to[0]; ++at[0])
    for (at[1] = from[1]; at[1] <= to[1]; ++at[1])
      for (at[2] = from[2]; at[2] <= to[2]; ++at[2])
        for (at[3] = from[3]; at[3] <= to[3]; ++at[3]) {
          std::int64_t number = 0;
          std::array<std::int64_t, 4> origin{};
          for (std::size_t axis = 0; axis < 4; ++axis) {
            number = number * axes.grid[axis] + at[axis];
            origin[axis] = at[axis] * axes.chunk[axis];
          }
          reader.read(static_cast<std::size_t>(number), decoded);
          copy_overlap(axes, origin, static_cast<std::size_t>(result.element_size()),
                       decoded.data(), bytes);
        }
}

}  // namespace medsweep::datasets
