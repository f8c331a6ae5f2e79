#include "sweeps/json_reading.h"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace medsweep::sweeps {
namespace {

class JsonReader {
 public:
  JsonReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Value read_all() {
    Value value = read();
    if (at_ != text_.size()) fail();
    return value;
  }

 private:
  Value read() {
    switch (peek()) {
      case '{':
        return {read_table(), {}};
      case '[':
        return {read_array(), {}};
      case '"':
        return {read_string(), {}};
      case 't':
        expect("true");
        return {true, {}};
      case 'f':
        expect("false");
        return {false, {}};
      default:
        return read_number();
    }
  }

  Table read_table() {
    Table table;
    expect("{");
    while (peek() != '}') {
      if (!table.empty()) expect(",");
      std::string key = read_string();
      expect(":");
      table.push_back({std::move(key), {}, read()});
    }
    expect("}");
    return table;
  }

  Array read_array() {
    Array array;
    expect("[");
    while (peek() != ']') {
      if (!array.empty()) expect(",");
      array.push_back(read());
    }
    expect("]");
    return array;
  }

  std::string read_string() {
    std::string out;
    expect("\"");
    while (peek() != '"') {
      if (peek() != '\\') {
        out += text_[at_++];
        continue;
      }
      ++at_;
      const char escaped = peek();
      ++at_;
      if (escaped == 'u')
        out += read_control();
      else if (escaped == '"' || escaped == '\\')
        out += escaped;
      else
        fail();
    }
    ++at_;
    return out;
  }

  char read_control() {
    unsigned code = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || digits.size() != 4 || code >= 0x20) fail();
    at_ += 4;
    return static_cast<char>(code);
  }

  Value read_number() {
    const std::size_t size = text_.find_first_not_of("+-.0123456789eE", at_);
    const std::string_view digits = text_.substr(at_, size - at_);
    at_ += digits.size();
    std::int64_t integer = 0;
    double number = 0;
    const char* last = digits.data() + digits.size();
    if (const auto [end, error] = std::from_chars(digits.data(), last, integer);
        error == std::errc() && end == last && !digits.empty())
      return {integer, {}};
    if (const auto [end, error] = std::from_chars(digits.data(), last, number);
        error != std::errc() || end != last || digits.empty())
      fail();
    return {number, {}};
  }

  char peek() const {
    if (at_ >= text_.size()) fail();
    return text_[at_];
  }

  void expect(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) fail();
    at_ += expected.size();
  }

  [[noreturn]] void fail() const {
    throw std::invalid_argument(fmt::format("[{}] not JSON at byte {}", where_, at_));
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

}  // namespace

Value parse_json(std::string_view text, const std::string& where) {
  return JsonReader(text, where).read_all();
}

}  // namespace medsweep::sweeps
