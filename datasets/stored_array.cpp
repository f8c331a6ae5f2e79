#include "datasets/stored_array.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <zstd.h>

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace medsweep::datasets {
namespace {

constexpr int kZstdLevel = 9;
constexpr std::array<std::string_view, 3> kCompressions{"none", "deflate", "zstd"};

constexpr std::array<std::pair<torch::ScalarType, std::string_view>, 3> kStoredTypes{{
    {torch::kUInt8, "uint8"},
    {torch::kInt16, "int16"},
    {torch::kFloat32, "float32"},
}};

/// `work(width)` with the width of an element known to the compiler, for loops that it vectorizes.
template <typename Work>
void with_width(std::size_t width, const Work& work) {
  if (width == 2) return work(std::integral_constant<std::size_t, 2>());
  if (width == 4) return work(std::integral_constant<std::size_t, 4>());
  work(width);
}

std::vector<std::uint8_t> shuffled(std::span<const std::uint8_t> bytes, std::size_t element) {
  std::vector<std::uint8_t> result(bytes.size());
  const std::uint8_t* from = bytes.data();
  std::uint8_t* to = result.data();
  with_width(element, [=, size = bytes.size()](auto width) {
    const std::size_t count = size / width;
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t byte = 0; byte < width; ++byte)
        to[byte * count + i] = from[i * width + byte];
  });
  return result;
}

void unshuffle(std::span<const std::uint8_t> bytes, std::size_t element, std::uint8_t* result) {
  const std::uint8_t* from = bytes.data();
  with_width(element, [=, size = bytes.size()](auto width) {
    const std::size_t count = size / width;
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t byte = 0; byte < width; ++byte)
        result[i * width + byte] = from[byte * count + i];
  });
}

void inflate(std::span<const std::uint8_t> stored, std::span<std::uint8_t> result) {
  using Decompressor =
      std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>;
  thread_local const Decompressor decompressor(libdeflate_alloc_decompressor(),
                                               &libdeflate_free_decompressor);
  if (decompressor == nullptr) throw std::bad_alloc();
  const libdeflate_result status = libdeflate_zlib_decompress(
      decompressor.get(), stored.data(), stored.size(), result.data(), result.size(), nullptr);
  if (status != LIBDEFLATE_SUCCESS)
    throw std::runtime_error("compressed data are damaged (deflate)");
}

void zstd_decompress(std::span<const std::uint8_t> stored, std::span<std::uint8_t> result) {
  const std::size_t size =
      ZSTD_decompress(result.data(), result.size(), stored.data(), stored.size());
  if (ZSTD_isError(size) != 0 || size != result.size())
    throw std::runtime_error("compressed data are damaged (zstd)");
}

void decompress(Compression compression, std::span<const std::uint8_t> stored,
                std::span<std::uint8_t> result) {
  return compression == Compression::kDeflate ? inflate(stored, result)
                                              : zstd_decompress(stored, result);
}

std::vector<std::uint8_t> deflated(std::span<const std::uint8_t> input) {
  using Compressor = std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;
  thread_local const Compressor compressor(libdeflate_alloc_compressor(kDeflateLevel),
                                           &libdeflate_free_compressor);
  if (compressor == nullptr) throw std::bad_alloc();
  std::vector<std::uint8_t> stored(libdeflate_zlib_compress_bound(compressor.get(), input.size()));
  stored.resize(libdeflate_zlib_compress(compressor.get(), input.data(), input.size(),
                                         stored.data(), stored.size()));
  return stored;
}

std::vector<std::uint8_t> zstd_compressed(std::span<const std::uint8_t> input) {
  std::vector<std::uint8_t> stored(ZSTD_compressBound(input.size()));
  const std::size_t size =
      ZSTD_compress(stored.data(), stored.size(), input.data(), input.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0) throw std::runtime_error(ZSTD_getErrorName(size));
  stored.resize(size);
  return stored;
}

/// HDF5 numbers the filters of a data set in the order of writing: shuffle, then the compression.
bool skipped(std::int64_t filter_mask, int filter) { return ((filter_mask >> filter) & 1) != 0; }

}  // namespace

std::string type_name(torch::ScalarType type) {
  for (const auto& [known, name] : kStoredTypes)
    if (known == type) return std::string(name);
  throw std::invalid_argument(fmt::format(
      "[data file] type {}; uint8, int16 and float32 are allowed", torch::toString(type)));
}

torch::ScalarType type_called(std::string_view name) {
  for (const auto& [type, known] : kStoredTypes)
    if (known == name) return type;
  throw std::runtime_error(
      fmt::format("[data file] type '{}'; uint8, int16 and float32 are allowed", name));
}

std::span<const std::uint8_t> element_bytes(const torch::Tensor& tensor) {
  return {static_cast<const std::uint8_t*>(tensor.const_data_ptr()),
          static_cast<std::size_t>(tensor.nbytes())};
}

std::string compression_name(Compression compression) {
  return std::string(kCompressions.at(static_cast<std::size_t>(compression)));
}

Compression compression_called(std::string_view name) {
  for (std::size_t i = 0; i < kCompressions.size(); ++i)
    if (kCompressions[i] == name) return static_cast<Compression>(i);
  throw std::invalid_argument(
      fmt::format("[compression] '{}'; none, deflate and zstd are allowed", name));
}

std::vector<std::int64_t> chunk_grid(const StoredArray& array) {
  std::vector<std::int64_t> grid;
  for (std::size_t axis = 0; axis < array.shape.size(); ++axis)
    grid.push_back((array.shape[axis] + array.chunk[axis] - 1) / array.chunk[axis]);
  return grid;
}

std::size_t chunk_bytes(const StoredArray& array) {
  std::size_t bytes = c10::elementSize(type_called(array.type));
  for (const std::int64_t side : array.chunk) bytes *= static_cast<std::size_t>(side);
  return bytes;
}

std::vector<std::uint8_t> encode_chunk(std::span<const std::uint8_t> plain,
                                       std::size_t element_size, Shuffle shuffle,
                                       Compression compression) {
  std::vector<std::uint8_t> transposed;
  if (shuffle == Shuffle::kYes) transposed = shuffled(plain, element_size);
  const std::span<const std::uint8_t> input = shuffle == Shuffle::kYes ? transposed : plain;
  if (compression == Compression::kDeflate) return deflated(input);
  if (compression == Compression::kZstd) return zstd_compressed(input);
  return {input.begin(), input.end()};
}

void decode_chunk(std::span<const std::uint8_t> stored, const StoredArray& array,
                  std::int64_t filter_mask, std::span<std::uint8_t> result) {
  const std::size_t width = c10::elementSize(type_called(array.type));
  const bool shuffle = array.shuffle == Shuffle::kYes && !skipped(filter_mask, 0);
  const int position = array.shuffle == Shuffle::kYes ? 1 : 0;
  const bool compressed =
      array.compression != Compression::kNone && !skipped(filter_mask, position);
  if (!compressed && stored.size() != result.size())
    throw std::runtime_error(
        fmt::format("{} bytes stored, {} expected", stored.size(), result.size()));
  if (!shuffle && compressed) return decompress(array.compression, stored, result);
  if (!shuffle) {
    std::memcpy(result.data(), stored.data(), result.size());
    return;
  }
  thread_local std::vector<std::uint8_t> transposed;
  if (compressed) {
    transposed.resize(result.size());
    decompress(array.compression, stored, transposed);
  }
  unshuffle(compressed ? std::span<const std::uint8_t>(transposed) : stored, width, result.data());
}

}  // namespace medsweep::datasets
