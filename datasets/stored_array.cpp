#include "datasets/stored_array.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace medsweep::datasets {
namespace {

constexpr int kDeflateLevel = 6;

constexpr std::array<std::pair<torch::ScalarType, std::string_view>, 3> kStoredTypes{{
    {torch::kUInt8, "uint8"},
    {torch::kInt16, "int16"},
    {torch::kFloat32, "float32"},
}};

std::vector<std::uint8_t> shuffled(std::span<const std::uint8_t> bytes, std::size_t width) {
  std::vector<std::uint8_t> result(bytes.size());
  const std::size_t count = bytes.size() / width;
  for (std::size_t byte = 0; byte < width; ++byte)
    for (std::size_t i = 0; i < count; ++i) result[byte * count + i] = bytes[i * width + byte];
  return result;
}

void unshuffle(std::span<const std::uint8_t> bytes, std::size_t width, std::uint8_t* result) {
  const std::size_t count = bytes.size() / width;
  for (std::size_t byte = 0; byte < width; ++byte)
    for (std::size_t i = 0; i < count; ++i) result[i * width + byte] = bytes[byte * count + i];
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

/// HDF5 numbers the filters of a data set in the order of writing: shuffle, then deflate.
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

std::vector<std::uint8_t> encode_chunk(const torch::Tensor& values, Shuffle shuffle) {
  const std::span<const std::uint8_t> plain = element_bytes(values);
  std::vector<std::uint8_t> transposed;
  if (shuffle == Shuffle::kYes)
    transposed = shuffled(plain, static_cast<std::size_t>(values.element_size()));
  const std::span<const std::uint8_t> input = shuffle == Shuffle::kYes ? transposed : plain;
  using Compressor = std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;
  const Compressor compressor(libdeflate_alloc_compressor(kDeflateLevel),
                              &libdeflate_free_compressor);
  if (compressor == nullptr) throw std::bad_alloc();
  std::vector<std::uint8_t> stored(libdeflate_zlib_compress_bound(compressor.get(), input.size()));
  stored.resize(libdeflate_zlib_compress(compressor.get(), input.data(), input.size(),
                                         stored.data(), stored.size()));
  return stored;
}

void decode_chunk(std::span<const std::uint8_t> stored, const StoredArray& array,
                  std::int64_t filter_mask, torch::Tensor& values) {
  const auto width = static_cast<std::size_t>(values.element_size());
  auto* const result = static_cast<std::uint8_t*>(values.mutable_data_ptr());
  const auto size = static_cast<std::size_t>(values.nbytes());
  const bool shuffle = array.shuffle == Shuffle::kYes && !skipped(filter_mask, 0);
  const int deflate_position = array.shuffle == Shuffle::kYes ? 1 : 0;
  const bool compressed =
      array.compression == Compression::kDeflate && !skipped(filter_mask, deflate_position);
  if (!compressed && stored.size() != size)
    throw std::runtime_error(fmt::format("{} bytes stored, {} expected", stored.size(), size));
  if (!shuffle && compressed) return inflate(stored, {result, size});
  if (!shuffle) {
    std::memcpy(result, stored.data(), size);
    return;
  }
  std::vector<std::uint8_t> transposed(compressed ? size : 0);
  if (compressed) inflate(stored, transposed);
  unshuffle(compressed ? std::span<const std::uint8_t>(transposed) : stored, width, result);
}

}  // namespace medsweep::datasets
