#include "datasets/converters/image_bytes.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <new>
#include <stdexcept>

#include "base/files.h"

namespace medsweep::datasets {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kLargestDeflateExpansion = 1033, kGrowth = std::size_t{1} << 16;

std::uint32_t image_byte(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}

std::uint32_t big_endian(std::string_view bytes, std::size_t at, int length) {
  std::uint32_t value = 0;
  for (int i = 0; i < length; ++i)
    value = value << 8 | image_byte(bytes, at + static_cast<std::size_t>(i));
  return value;
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at, int length) {
  std::uint32_t value = 0;
  for (int i = length - 1; i >= 0; --i)
    value = value << 8 | image_byte(bytes, at + static_cast<std::size_t>(i));
  return value;
}

[[noreturn]] void refuse_truncated(const std::string& where, std::string_view format) {
  throw std::runtime_error(fmt::format(
      "[{}] cannot be decoded: the {} ends early, truncated or damaged", where, format));
}

ImageBytes with_size(const std::string& where, std::string_view format, std::uint32_t width,
                     std::uint32_t height) {
  if (width == 0 || height == 0)
    throw std::invalid_argument(fmt::format("[{}] a {} of {} x {} pixels; at least one is needed",
                                            where, format, width, height));
  return {.format = format, .width = width, .height = height};
}

ImageBytes inspect_png(std::string_view bytes, const std::string& where) {
  if (bytes.size() < 33) refuse_truncated(where, "PNG");
  ImageBytes image = with_size(where, "PNG", big_endian(bytes, 16, 4), big_endian(bytes, 20, 4));
  std::size_t at = 8;
  while (bytes.substr(std::min(at + 4, bytes.size()), 4) != "IEND") {
    if (at + 12 > bytes.size()) refuse_truncated(where, "PNG");
    at += std::size_t{12} + big_endian(bytes, at, 4);
  }
  const std::uint32_t color_type = image_byte(bytes, 25);
  image.gray = color_type == 0 || color_type == 4;
  image.palette = color_type == 3;
  return image;
}

/// From behind a scan's header to the next marker that is not part of its data.
std::size_t end_of_scan(std::string_view bytes, std::size_t at) {
  for (; at + 1 < bytes.size(); ++at) {
    const std::uint32_t next = image_byte(bytes, at + 1);
    const bool restart = next >= 0xD0 && next <= 0xD7;
    if (image_byte(bytes, at) == 0xFF && next != 0 && next != 0xFF && !restart) return at;
  }
  return bytes.size();
}

/// Decoders fill a JPEG that ends early with grey: so its markers are followed to the last one.
ImageBytes inspect_jpeg(std::string_view bytes, const std::string& where) {
  ImageBytes image{.format = "JPEG"};
  for (std::size_t at = 2;;) {
    while (image_byte(bytes, at) == 0xFF && image_byte(bytes, at + 1) == 0xFF) ++at;
    if (at + 1 >= bytes.size() || image_byte(bytes, at) != 0xFF) refuse_truncated(where, "JPEG");
    const std::uint32_t marker = image_byte(bytes, at + 1);
    if (marker == 0xD9) return image;
    if (marker >= 0xC0 && marker <= 0xC3)
      image = with_size(where, "JPEG", big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2));
    at += 2 + big_endian(bytes, at + 2, 2);
    if (marker == 0xDA) at = end_of_scan(bytes, at);
  }
}

/// The next number of a PNM header, comments left out; 1 where there is none.
std::uint32_t pnm_number(std::string_view bytes, std::size_t& at) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  at = std::min(bytes.find_first_not_of(kBlanks, at), bytes.size());
  while (at < bytes.size() && bytes[at] == '#') {
    at = std::min(bytes.find('\n', at), bytes.size());
    at = std::min(bytes.find_first_not_of(kBlanks, at), bytes.size());
  }
  std::uint32_t number = 1;
  const auto [end, error] = std::from_chars(bytes.data() + at, bytes.data() + bytes.size(), number);
  at = static_cast<std::size_t>(end - bytes.data());
  return error == std::errc() ? number : 1;
}

ImageBytes inspect_pnm(std::string_view bytes, const std::string& where) {
  std::size_t at = 2;
  const std::uint32_t width = pnm_number(bytes, at), height = pnm_number(bytes, at);
  const ImageBytes image = with_size(where, "PNM", width, height);
  if (bytes[1] == '5' || bytes[1] == '6') {
    const std::size_t depth = pnm_number(bytes, at) > 255 ? 2 : 1,
                      channels = bytes[1] == '6' ? 3 : 1;
    const bool overflows = width > bytes.size() || height > bytes.size();
    if (overflows || bytes.size() < at + 1 + depth * channels * width * height)
      refuse_truncated(where, "PNM");
  }
  return image;
}

/// One member of a gzip file, from the front of `packed`, which loses it.
std::string gunzip_member(std::string_view& packed, const std::string& where) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (decompressor == nullptr) throw std::bad_alloc();
  const std::size_t most = packed.size() * kLargestDeflateExpansion + kGrowth;
  // The last four bytes tell the last member's length.
  const std::size_t length =
      packed.size() < 18 ? 0 : little_endian(packed, packed.size() - 4, 4) + std::size_t{1};
  std::string bytes(std::min(length, most), '\0');
  while (true) {
    std::size_t used = 0, made = 0;
    const libdeflate_result status = libdeflate_gzip_decompress_ex(
        decompressor.get(), packed.data(), packed.size(), bytes.data(), bytes.size(), &used, &made);
    if (status == LIBDEFLATE_SUCCESS) {
      packed.remove_prefix(used);
      bytes.resize(made);
      return bytes;
    }
    if (status != LIBDEFLATE_INSUFFICIENT_SPACE || bytes.size() >= most)
      throw std::runtime_error(fmt::format("[{}] its gzip data are truncated or damaged", where));
    bytes.resize(std::min(bytes.size() * 2 + kGrowth, most));
  }
}

}  // namespace

std::string read_image_bytes(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  std::string bytes = read_file(path);
  if (bytes.starts_with("\x1f\x8b")) {
    std::string unpacked;
    for (std::string_view packed = bytes; !packed.empty();)
      unpacked += gunzip_member(packed, path.string());
    bytes = std::move(unpacked);
  }
  if (bytes.empty())
    throw std::runtime_error(fmt::format("[{}] an empty file; an image is needed", path.string()));
  return bytes;
}

ImageBytes inspect_image_bytes(std::string_view bytes, const std::string& where) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return inspect_png(bytes, where);
  if (bytes.starts_with("\xFF\xD8\xFF")) return inspect_jpeg(bytes, where);
  if (bytes.starts_with("GIF8"))
    return with_size(where, "GIF", little_endian(bytes, 6, 2), little_endian(bytes, 8, 2));
  if (bytes.starts_with("BM"))
    return with_size(where, "BMP", little_endian(bytes, 18, 4), little_endian(bytes, 22, 4));
  if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6')
    return inspect_pnm(bytes, where);
  if (bytes.starts_with("II*\0"sv) || bytes.starts_with("MM\0*"sv)) return {.format = "TIFF"};
  return {.format = "image"};
}

}  // namespace medsweep::datasets
