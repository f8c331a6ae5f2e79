#include "datasets/converters/zip_entries.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

// APPNOTE.TXT, PKWARE: sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end).
constexpr std::string_view kDirectoryEnd = "PK\x05\x06", kDirectoryEntry = "PK\x01\x02",
                           kLocalHeader = "PK\x03\x04";
constexpr std::size_t kEndBytes = 22, kEntryBytes = 46, kLocalBytes = 30;
constexpr std::uint32_t kZipStored = 0, kZipDeflated = 8, kInZip64 = 0xFFFFFFFF;
constexpr std::size_t kLargestExpansion = 1033;  // of deflate

[[noreturn]] void refuse_zip(const std::string& where, std::string_view what) {
  throw std::runtime_error(fmt::format("[{}] a zip that is truncated or damaged: {}", where, what));
}

std::uint32_t zip_number(std::string_view bytes, std::size_t at, int length) {
  std::uint32_t value = 0;
  for (int i = length - 1; i >= 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

struct ZipEntry {
  std::string name;
  std::uint32_t flags = 0, method = 0, crc = 0;
  std::size_t packed = 0, size = 0, offset = 0;
};

ZipEntry entry_at(std::string_view bytes, std::size_t& at, const std::string& where) {
  if (at + kEntryBytes > bytes.size() || bytes.substr(at, 4) != kDirectoryEntry)
    refuse_zip(where, "its directory ends early");
  const std::size_t name = zip_number(bytes, at + 28, 2), extra = zip_number(bytes, at + 30, 2),
                    comment = zip_number(bytes, at + 32, 2);
  if (at + kEntryBytes + name > bytes.size()) refuse_zip(where, "its directory ends early");
  const ZipEntry entry{.name = std::string(bytes.substr(at + kEntryBytes, name)),
                       .flags = zip_number(bytes, at + 8, 2),
                       .method = zip_number(bytes, at + 10, 2),
                       .crc = zip_number(bytes, at + 16, 4),
                       .packed = zip_number(bytes, at + 20, 4),
                       .size = zip_number(bytes, at + 24, 4),
                       .offset = zip_number(bytes, at + 42, 4)};
  at += kEntryBytes + name + extra + comment;
  return entry;
}

std::string_view packed_bytes(std::string_view bytes, const ZipEntry& entry,
                              const std::string& where) {
  if (entry.offset + kLocalBytes > bytes.size() || bytes.substr(entry.offset, 4) != kLocalHeader)
    refuse_zip(where, entry.name + " has no header");
  const std::size_t begin = entry.offset + kLocalBytes + zip_number(bytes, entry.offset + 26, 2) +
                            zip_number(bytes, entry.offset + 28, 2);
  if (begin + entry.packed > bytes.size()) refuse_zip(where, entry.name + " ends early");
  return bytes.substr(begin, entry.packed);
}

std::string inflate_entry(std::string_view packed, const ZipEntry& entry,
                          const std::string& where) {
  if (entry.size / kLargestExpansion > packed.size())
    refuse_zip(where, entry.name + " cannot be as large as it says");
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (decompressor == nullptr) throw std::bad_alloc();
  std::string plain(entry.size, '\0');
  if (libdeflate_deflate_decompress(decompressor.get(), packed.data(), packed.size(), plain.data(),
                                    plain.size(), nullptr) != LIBDEFLATE_SUCCESS)
    refuse_zip(where, entry.name + " cannot be decompressed");
  return plain;
}

std::string unpack_entry(std::string_view bytes, const ZipEntry& entry, const std::string& where) {
  if ((entry.flags & 1U) != 0)
    throw std::invalid_argument(
        fmt::format("[{}] {} is encrypted; plain zips are allowed", where, entry.name));
  if (entry.method != kZipStored && entry.method != kZipDeflated)
    throw std::invalid_argument(
        fmt::format("[{}] {} is compressed by method {}; 0 (stored) and 8 "
                    "(deflated) are allowed",
                    where, entry.name, entry.method));
  if (entry.packed == kInZip64 || entry.size == kInZip64 || entry.offset == kInZip64)
    throw std::invalid_argument(
        fmt::format("[{}] {} needs zip64; less than 4 GiB are allowed", where, entry.name));
  const std::string_view packed = packed_bytes(bytes, entry, where);
  std::string plain =
      entry.method == kZipStored ? std::string(packed) : inflate_entry(packed, entry, where);
  if (plain.size() != entry.size || libdeflate_crc32(0, plain.data(), plain.size()) != entry.crc)
    refuse_zip(where, entry.name + " has another checksum");
  return plain;
}

}  // namespace

std::map<std::string, std::string> read_zip(std::string_view bytes, const std::string& where) {
  const std::size_t end = bytes.rfind(kDirectoryEnd);
  if (end == std::string_view::npos || end + kEndBytes > bytes.size())
    refuse_zip(where, "no directory at its end");
  const std::uint32_t count = zip_number(bytes, end + 10, 2);
  std::size_t at = zip_number(bytes, end + 16, 4);
  if (count == 0xFFFF || at == kInZip64)
    throw std::invalid_argument(
        fmt::format("[{}] needs zip64; less than 4 GiB are allowed", where));
  std::map<std::string, std::string> files;
  for (std::uint32_t i = 0; i < count; ++i) {
    const ZipEntry entry = entry_at(bytes, at, where);
    files[entry.name] = unpack_entry(bytes, entry, where);
  }
  return files;
}

}  // namespace medsweep::datasets
