#include "datasets/converters/json_list.h"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>
#include <string_view>

namespace medsweep::datasets {
namespace {

constexpr std::size_t kJsonBlock = std::size_t{1} << 20;
constexpr std::int64_t kByteOrderMark = 3;

/// Follows brackets and texts of a JSON list, byte by byte.
class ListScanner {
 public:
  explicit ListScanner(std::string where) : where_(std::move(where)) {}

  void take(char byte) {
    ++position_;
    if (in_text_) {
      in_text_ = escaped_ || byte != '"';
      escaped_ = !escaped_ && byte == '\\';
    } else if (depth_ <= 1) {
      take_outside(byte);
    } else {
      take_inside(byte);
    }
  }

  std::vector<JsonPiece> finish() {
    if (!ended_) refuse("ends early: truncated or damaged");
    return std::move(pieces_);
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    throw std::runtime_error(fmt::format("[{}] byte {}: {}", where_, position_, what));
  }

  /// Between the objects, or before and behind the list.
  void take_outside(char byte) {
    const bool blank = byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
    const bool mark = position_ <= kByteOrderMark && static_cast<unsigned char>(byte) >= 0xbb;
    if (blank || mark) return;
    if (ended_ || (depth_ == 0 && byte != '[')) refuse("a JSON list of objects is needed");
    if (depth_ == 0) {
      depth_ = 1;
    } else if (byte == ']') {
      ended_ = true;
      depth_ = 0;
    } else if (byte == '{') {
      pieces_.push_back({position_ - 1, 0});
      depth_ = 2;
    } else if (byte != ',') {
      refuse("a JSON list of objects is needed");
    }
  }

  void take_inside(char byte) {
    if (byte == '"') in_text_ = true;
    if (byte == '{' || byte == '[') ++depth_;
    if ((byte == '}' || byte == ']') && --depth_ == 1) pieces_.back().end = position_;
  }

  std::string where_;
  std::int64_t position_ = 0, depth_ = 0;
  bool in_text_ = false, escaped_ = false, ended_ = false;
  std::vector<JsonPiece> pieces_;
};

std::ifstream open_json(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error(fmt::format("[{}] cannot be opened", path.string()));
  return stream;
}

}  // namespace

std::vector<JsonPiece> objects_of_list(const std::filesystem::path& path) {
  std::ifstream stream = open_json(path);
  ListScanner scanner(path.string());
  std::string block(kJsonBlock, '\0');
  while (stream.read(block.data(), static_cast<std::streamsize>(block.size())) ||
         stream.gcount() > 0)
    for (const char byte :
         std::string_view(block).substr(0, static_cast<std::size_t>(stream.gcount())))
      scanner.take(byte);
  if (stream.bad()) throw std::runtime_error(fmt::format("[{}] cannot be read", path.string()));
  return scanner.finish();
}

std::string read_piece(const std::filesystem::path& path, const JsonPiece& piece) {
  std::ifstream stream = open_json(path);
  std::string text(static_cast<std::size_t>(piece.end - piece.begin), '\0');
  stream.seekg(piece.begin);
  if (!stream.read(text.data(), static_cast<std::streamsize>(text.size())))
    throw std::runtime_error(
        fmt::format("[{}] cannot be read at byte {}", path.string(), piece.begin));
  return text;
}

}  // namespace medsweep::datasets
