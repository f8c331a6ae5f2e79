#include "runner/weights/zip_directory.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace medsweep::runner {
namespace {

// APPNOTE.TXT 4.3.7 local header, 4.3.12 directory, 4.3.14 its zip64 end, 4.3.15 the locator of
// that, 4.3.16 its end, 4.5.3 the zip64 field of an entry.
constexpr std::string_view kLocalFile = "PK\x03\x04", kDirectoryFile = "PK\x01\x02",
                           kWideEnd = "PK\x06\x06", kWideLocator = "PK\x06\x07",
                           kPlainEnd = "PK\x05\x06";
constexpr std::size_t kLocalFileBytes = 30, kDirectoryFileBytes = 46, kWideEndBytes = 56,
                      kWideLocatorBytes = 20, kPlainEndBytes = 22, kLongestComment = 0xFFFF;
constexpr std::uint64_t kElsewhere = 0xFFFFFFFF, kWideField = 1;
constexpr std::uint64_t kEncrypted = 1, kStored = 0;

struct ZipFile {
  std::string name;
  std::uint64_t flags, method, crc, packed, size, offset;
};

/// Takes numbers out of bytes that it never leaves.
class ZipBytes {
 public:
  ZipBytes(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  [[noreturn]] void damaged(std::string_view what) const {
    throw std::runtime_error(
        fmt::format("[{}] a zip that is truncated or damaged: {}", where_, what));
  }

  std::string_view part(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) damaged("it ends early");
    return bytes_.substr(at, size);
  }

  std::uint64_t number(std::uint64_t at, std::size_t size) const {
    const auto bytes = part(at, size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  bool has(std::uint64_t at, std::string_view signature) const {
    return part(at, signature.size()) == signature;
  }

  std::size_t size() const { return bytes_.size(); }

  std::size_t plain_end() const {
    const std::size_t tail = std::min(bytes_.size(), kLongestComment + kPlainEndBytes);
    const std::size_t end = bytes_.substr(bytes_.size() - tail).rfind(kPlainEnd);
    if (end == std::string_view::npos) damaged("no directory at its end");
    part(bytes_.size() - tail + end, kPlainEndBytes);
    return bytes_.size() - tail + end;
  }

 private:
  std::string_view bytes_;
  const std::string& where_;
};

struct ZipDirectory {
  std::uint64_t files, begin;
};

ZipDirectory find_directory(const ZipBytes& zip) {
  const std::size_t end = zip.plain_end();
  ZipDirectory directory{zip.number(end + 10, 2), zip.number(end + 16, 4)};
  if (end < kWideLocatorBytes || !zip.has(end - kWideLocatorBytes, kWideLocator)) return directory;
  const std::uint64_t wide = zip.number(end - kWideLocatorBytes + 8, 8);
  if (!zip.part(wide, kWideEndBytes).starts_with(kWideEnd))
    zip.damaged("its zip64 directory is gone");
  return {zip.number(wide + 32, 8), zip.number(wide + 48, 8)};
}

/// Sizes and offset that do not fit 32 bits stand in a field behind the name.
void widen(const ZipBytes& zip, ZipFile& file, std::uint64_t at, std::uint64_t end) {
  while (at + 4 <= end) {
    const std::uint64_t id = zip.number(at, 2), size = zip.number(at + 2, 2);
    at += 4;
    if (size > end - at) zip.damaged("a field of its directory ends early");
    if (id != kWideField) {
      at += size;
      continue;
    }
    const std::uint64_t field_end = at + size;
    for (std::uint64_t* value : {&file.size, &file.packed, &file.offset}) {
      if (*value != kElsewhere) continue;
      if (at + 8 > field_end) zip.damaged("a zip64 field ends early");
      *value = zip.number(at, 8);
      at += 8;
    }
    return;
  }
}

ZipFile file_at(const ZipBytes& zip, std::uint64_t& at) {
  if (!zip.part(at, kDirectoryFileBytes).starts_with(kDirectoryFile))
    zip.damaged("its directory ends early");
  const std::uint64_t name = zip.number(at + 28, 2), extra = zip.number(at + 30, 2),
                      comment = zip.number(at + 32, 2);
  ZipFile file{.name = std::string(zip.part(at + kDirectoryFileBytes, name)),
               .flags = zip.number(at + 8, 2),
               .method = zip.number(at + 10, 2),
               .crc = zip.number(at + 16, 4),
               .packed = zip.number(at + 20, 4),
               .size = zip.number(at + 24, 4),
               .offset = zip.number(at + 42, 4)};
  const std::uint64_t fields = at + kDirectoryFileBytes + name;
  zip.part(fields, extra);
  widen(zip, file, fields, fields + extra);
  at = fields + extra + comment;
  return file;
}

std::optional<std::string_view> stored_bytes(const ZipBytes& zip, const ZipFile& file) {
  if ((file.flags & kEncrypted) != 0 || file.method != kStored) return std::nullopt;
  if (file.packed != file.size) zip.damaged("a stored entry of two sizes");
  if (!zip.part(file.offset, kLocalFileBytes).starts_with(kLocalFile))
    zip.damaged("an entry has no header");
  const std::uint64_t begin = file.offset + kLocalFileBytes + zip.number(file.offset + 26, 2) +
                              zip.number(file.offset + 28, 2);
  const auto bytes = zip.part(begin, file.size);
  if (file.crc != 0 && libdeflate_crc32(0, bytes.data(), bytes.size()) != file.crc)
    zip.damaged("an entry has another checksum");
  return bytes;
}

}  // namespace

std::map<std::string, std::optional<std::string_view>> read_zip_directory(
    std::string_view file, const std::string& where) {
  const ZipBytes zip(file, where);
  const ZipDirectory directory = find_directory(zip);
  if (directory.files > zip.size() / kDirectoryFileBytes) zip.damaged("its directory ends early");
  std::map<std::string, std::optional<std::string_view>> files;
  std::uint64_t at = directory.begin, left = zip.size();
  for (std::uint64_t i = 0; i < directory.files; ++i) {
    const ZipFile entry = file_at(zip, at);
    if (entry.method == kStored && entry.size > left)
      zip.damaged("its entries overlap");  // so that checksums end
    const auto bytes = stored_bytes(zip, entry);
    left -= bytes ? bytes->size() : 0;
    if (!files.emplace(entry.name, bytes).second) zip.damaged("a name is twice in it");
  }
  return files;
}

}  // namespace medsweep::runner
