#include "datasets/converters/palette_png.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

// ISO/IEC 15948: chunks are length, name, data, checksum; scan lines are filtered against the pixel
// to the left, the line above, their mean, or Paeth's choice.
constexpr std::size_t kFirstChunk = 8, kChunkFrame = 12;
constexpr std::uint32_t kPalette = 3;
constexpr std::size_t kMostPngExpansion = 1033, kMostPngSide = 0x7FFFFFFF;

[[noreturn]] void refuse_palette_png(const std::string& where) {
  throw std::runtime_error(fmt::format("[{}] cannot be decoded: a damaged PNG", where));
}

std::uint32_t png_number(std::string_view png, std::size_t at, int length) {
  std::uint32_t value = 0;
  for (int i = 0; i < length; ++i)
    value = value << 8 | static_cast<unsigned char>(png[at + static_cast<std::size_t>(i)]);
  return value;
}

/// The data of all chunks of a name, one behind the other.
std::string png_chunks(std::string_view png, std::string_view name, const std::string& where) {
  std::string data;
  for (std::size_t at = kFirstChunk; at + kChunkFrame <= png.size();) {
    const std::size_t length = png_number(png, at, 4);
    if (length > png.size() - at - kChunkFrame) refuse_palette_png(where);
    if (png.substr(at + 4, 4) == name) data += png.substr(at + 8, length);
    at += kChunkFrame + length;
  }
  return data;
}

bool has_color(std::string_view palette) {
  for (std::size_t i = 0; i + 2 < palette.size(); i += 3)
    if (palette[i] != palette[i + 1] || palette[i] != palette[i + 2]) return true;
  return false;
}

std::vector<std::uint8_t> inflate_png(const std::string& packed, std::size_t size,
                                      const std::string& where) {
  if (size / kMostPngExpansion > packed.size()) refuse_palette_png(where);
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (decompressor == nullptr) throw std::bad_alloc();
  std::vector<std::uint8_t> lines(size);
  if (libdeflate_zlib_decompress(decompressor.get(), packed.data(), packed.size(), lines.data(),
                                 size, nullptr) != LIBDEFLATE_SUCCESS)
    refuse_palette_png(where);
  return lines;
}

int paeth(int left, int above, int corner) {
  const int guess = left + above - corner;
  const int to_left = std::abs(guess - left), to_above = std::abs(guess - above),
            to_corner = std::abs(guess - corner);
  if (to_left <= to_above && to_left <= to_corner) return left;
  return to_above <= to_corner ? above : corner;
}

/// Undoes a scan line's filter in place; `above` is the line above, or none.
void unfilter(int filter, std::uint8_t* line, const std::uint8_t* above, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    const int left = i == 0 ? 0 : line[i - 1], up = above == nullptr ? 0 : above[i];
    const int corner = i == 0 || above == nullptr ? 0 : above[i - 1];
    const int guess = filter == 1   ? left
                      : filter == 2 ? up
                      : filter == 3 ? (left + up) / 2
                      : filter == 4 ? paeth(left, up, corner)
                                    : 0;
    line[i] = static_cast<std::uint8_t>(line[i] + guess);
  }
}

}  // namespace

std::optional<PaletteIndices> read_palette_indices(std::string_view png, const std::string& where) {
  if (png.size() < 33) refuse_palette_png(where);
  const std::size_t width = png_number(png, 16, 4), height = png_number(png, 20, 4);
  const std::uint32_t bits = png_number(png, 24, 1);
  if (png_number(png, 25, 1) != kPalette || !has_color(png_chunks(png, "PLTE", where))) return {};
  if (png_number(png, 28, 1) != 0)
    throw std::invalid_argument(
        fmt::format("[{}] an interlaced palette; a plain one is allowed", where));
  const bool odd_bits = bits != 1 && bits != 2 && bits != 4 && bits != 8;
  if (odd_bits || width == 0 || height == 0 || width > kMostPngSide || height > kMostPngSide)
    refuse_palette_png(where);
  const std::size_t bytes = (width * bits + 7) / 8, step = bytes + 1;
  std::vector<std::uint8_t> lines =
      inflate_png(png_chunks(png, "IDAT", where), height * step, where);
  PaletteIndices found{.height = static_cast<std::int64_t>(height),
                       .width = static_cast<std::int64_t>(width),
                       .indices = std::vector<std::uint8_t>(height * width)};
  for (std::size_t y = 0; y < height; ++y) {
    std::uint8_t* line = lines.data() + y * step + 1;
    if (line[-1] > 4) refuse_palette_png(where);
    unfilter(line[-1], line, y == 0 ? nullptr : line - step, bytes);
    for (std::size_t x = 0; x < width; ++x) {
      const std::size_t bit = x * bits;
      found.indices[y * width + x] =
          static_cast<std::uint8_t>(line[bit / 8] >> (8 - bits - bit % 8) & ((1U << bits) - 1));
    }
  }
  return found;
}

}  // namespace medsweep::datasets
