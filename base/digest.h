#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace medsweep {

/// SHA-256 of what was given to `update`, in any number of pieces. Not for concurrent use.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& update(std::string_view bytes);
  Sha256& update(const void* bytes, std::size_t size);
  /// 64 lower-case hexadecimal digits; ends the digest.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// HMAC-SHA-256 (RFC 2104) of `text` under `key`: 64 lower-case hexadecimal digits. Who does not
/// have the key can neither undo it nor try texts.
std::string hmac_sha256_hex(std::string_view key, std::string_view text);

/// CRC-32 (IEEE 802.3, as zlib's): the checksum of journal lines.
std::uint32_t crc32(std::string_view bytes);

}  // namespace medsweep
