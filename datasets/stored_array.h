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
enum class Compression { kNone, kDeflate, kZstd };
/// "none", "deflate" or "zstd"; the reverse throws std::invalid_argument.
std::string compression_name(Compression compression);
Compression compression_called(std::string_view name);
/// libdeflate's levels above it take 10 to 60 % more time for 3 to 4 % fewer bytes.
inline constexpr int kDeflateLevel = 1;
/// The number under which HDF5 registers zstd (hdf5plugin reads it).
inline constexpr int kZstdFilter = 32015;

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
  std::string name;                 ///< "image", "labels", "field_of_view", ...
  std::string type;                 ///< "uint8", "int16", "float32"
  std::vector<std::int64_t> shape;  ///< up to 4 axes
  std::vector<std::int64_t> chunk;  ///< a chunk's shape; chunks at the far ends are padded
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

/// How many chunks there are along each axis.
std::vector<std::int64_t> chunk_grid(const StoredArray& array);
/// The bytes of one chunk, decoded.
std::size_t chunk_bytes(const StoredArray& array);

/// A chunk's elements as they are stored: shuffle, then compression. Any thread may call it.
std::vector<std::uint8_t> encode_chunk(std::span<const std::uint8_t> plain,
                                       std::size_t element_size, Shuffle shuffle,
                                       Compression compression);

/// The reverse, into `result`, chunk_bytes(array) of them. Any thread may call it.
/// Throws std::runtime_error for bytes that are not what `array` says.
void decode_chunk(std::span<const std::uint8_t> stored, const StoredArray& array,
                  std::int64_t filter_mask, std::span<std::uint8_t> result);

}  // namespace medsweep::datasets
