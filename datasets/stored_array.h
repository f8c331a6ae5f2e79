#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::datasets {

/// Whether the bytes of a chunk are transposed before compression, HDF5's shuffle filter: byte 0 of
/// all elements, then byte 1 of all.
enum class Shuffle { kNo, kYes };
enum class Compression { kNone, kDeflate };

/// A piece of a data set as it lies in the file.
struct StoredChunk {
  std::int64_t offset = 0;       ///< bytes from the file's beginning
  std::int64_t bytes = 0;        ///< stored, after the filters
  std::int64_t filter_mask = 0;  ///< HDF5's: bit i set, filter i was skipped
  std::int64_t crc32 = 0;        ///< of the stored bytes
};

/// A data set of a sample: what it is and how it is stored.
struct StoredArray {
  std::int64_t sample = 0;
  std::string name;                 ///< "image", "labels", "field_of_view"
  std::string type;                 ///< "uint8", "int16", "float32"
  std::vector<std::int64_t> shape;  ///< up to 4 axes
  std::vector<std::int64_t> chunk;  ///< a chunk's shape; 2-D images are one chunk
  Shuffle shuffle = Shuffle::kNo;
  Compression compression = Compression::kDeflate;
  std::vector<StoredChunk> chunks{};  ///< in row-major order of their position
};

/// "uint8", "int16" or "float32". Throws std::invalid_argument for another type.
std::string type_name(torch::ScalarType type);
/// The reverse. Throws std::runtime_error.
torch::ScalarType type_called(std::string_view name);

/// The bytes of a contiguous tensor on the CPU.
std::span<const std::uint8_t> element_bytes(const torch::Tensor& tensor);

/// Shuffle where elements have more than one byte, then deflate (zlib's format), as one chunk.
std::vector<std::uint8_t> encode_chunk(const torch::Tensor& values, Shuffle shuffle);

/// The reverse, into `values` (contiguous, of the right size and type). Thread-safe.
/// Throws std::runtime_error for bytes that are not what `array` says.
void decode_chunk(std::span<const std::uint8_t> stored, const StoredArray& array,
                  std::int64_t filter_mask, torch::Tensor& values);

}  // namespace medsweep::datasets
