#include "results/journal_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <cstring>

#include "base/digest.h"

namespace medsweep::results {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::string_view kChecksumKey = ",\"crc\":\"";
constexpr std::size_t kSuffix = kChecksumKey.size() + 8 + 2;  // eight digits, quote and brace

}  // namespace

bool checksum_holds(std::string_view line) {
  if (line.size() <= kSuffix || !line.ends_with("\"}")) return false;
  const std::string_view body = line.substr(0, line.size() - kSuffix);
  const std::string_view suffix = line.substr(body.size());
  if (!suffix.starts_with(kChecksumKey)) return false;
  return suffix.substr(kChecksumKey.size(), 8) == fmt::format("{:08x}", crc32(body));
}

JournalReader::JournalReader(const std::filesystem::path& path, std::int64_t offset)
    : path_(path), offset_(offset) {
  file_ = FileDescriptor(static_cast<int>(
      check_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC), path.string(), "cannot be opened")));
}

std::optional<JournalLine> JournalReader::next() {
  while (true) {
    const char* start = buffer_.data() + begin_;
    const void* line_end = std::memchr(start, '\n', end_ - begin_);
    if (line_end == nullptr && read_more()) continue;
    const bool ended = line_end != nullptr;
    const std::size_t size =
        ended ? static_cast<std::size_t>(static_cast<const char*>(line_end) - start)
              : end_ - begin_;
    const std::string_view text(buffer_.data() + begin_, size);
    const JournalLine line{text, offset_};
    const bool whole = checksum_holds(text);
    if (!ended && !whole) return std::nullopt;
    begin_ += size + (ended ? 1 : 0);
    offset_ += static_cast<std::int64_t>(size + (ended ? 1 : 0));
    if (whole) return line;
    if (size > 0) ++damaged_;  // an empty line only ends a torn one
  }
}

bool JournalReader::read_more() {
  buffer_.erase(0, begin_);
  end_ -= begin_;
  begin_ = 0;
  buffer_.resize(end_ + kBlock + simdjson::SIMDJSON_PADDING);
  const auto at = static_cast<off_t>(offset_ + static_cast<std::int64_t>(end_));
  const std::int64_t got = check_errno(pread(file_.get(), buffer_.data() + end_, kBlock, at),
                                       path_.string(), "cannot be read");
  end_ += static_cast<std::size_t>(got);
  return got > 0;
}

}  // namespace medsweep::results
