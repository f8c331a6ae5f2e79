#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"

namespace medsweep::results {

/// One whole record, its checksum verified.
struct JournalLine {
  /// The JSON object without its line end. Valid until the next call; SIMDJSON_PADDING readable
  /// bytes follow, so that simdjson parses it in place.
  std::string_view text;
  std::int64_t offset = 0;  ///< where the line begins in its file
};

/// True when the line ends in the checksum of what is before it.
bool checksum_holds(std::string_view line);

/// Reads a journal from an offset on, while others may still append to it. Not thread-safe.
///
/// A line whose checksum is wrong is skipped and counted; a last line without its end may still be
/// in writing: it is left for the next reader, who goes on at `offset()`.
class JournalReader {
 public:
  /// Throws std::runtime_error that names the file.
  explicit JournalReader(const std::filesystem::path& path, std::int64_t offset = 0);

  /// The next record, or nothing at the end.
  std::optional<JournalLine> next();

  /// Everything before it is read: where to go on another time.
  std::int64_t offset() const { return offset_; }
  /// Torn or corrupt lines so far.
  std::int64_t damaged() const { return damaged_; }

 private:
  bool read_more();

  std::filesystem::path path_;
  FileDescriptor file_;
  std::string buffer_;       // the bytes in hand, then the padding
  std::size_t begin_ = 0;    // of what is not yet given out
  std::size_t end_ = 0;      // of what was read
  std::int64_t offset_ = 0;  // of begin_ in the file
  std::int64_t damaged_ = 0;
};

}  // namespace medsweep::results
