#include "runner/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

namespace medsweep::runner {
namespace {

constexpr std::size_t kMaximumHeader = 100'000'000;  // as Python's reader

struct TensorTypeBytes {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array kTensorTypeBytes{
    TensorTypeBytes{"F64", 8},  TensorTypeBytes{"F32", 4}, TensorTypeBytes{"F16", 2},
    TensorTypeBytes{"BF16", 2}, TensorTypeBytes{"I64", 8}, TensorTypeBytes{"I32", 4},
    TensorTypeBytes{"I16", 2},  TensorTypeBytes{"I8", 1},  TensorTypeBytes{"U8", 1},
    TensorTypeBytes{"BOOL", 1},
};

/// Takes the header apart.
class HeaderReader {
 public:
  HeaderReader(std::string_view file, const std::string& where) : file_(file), where_(where) {}

  SafeTensorsHeader read() {
    parse(text());
    check_ranges();
    return std::move(header_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(fmt::format("[{}] {}", where_, what));
  }

  std::string_view text() {
    if (file_.size() < kHeaderLengthBytes)
      fail(fmt::format("{} bytes; a safetensors file has at least 8", file_.size()));
    std::uint64_t length = 0;
    std::memcpy(&length, file_.data(), sizeof(length));
    if (length > kMaximumHeader || length > file_.size() - kHeaderLengthBytes)
      fail(fmt::format("header of {} bytes in a file of {}; damaged or not a safetensors file",
                       length, file_.size()));
    header_.data_begin = kHeaderLengthBytes + length;
    return file_.substr(kHeaderLengthBytes, length);
  }

  void parse(std::string_view text) {
    std::set<std::string> keys;
    const auto unique_keys = [&](int depth, nlohmann::json::parse_event_t event,
                                 const nlohmann::json& parsed) {
      if (depth == 1 && event == nlohmann::json::parse_event_t::key &&
          !keys.insert(parsed.get<std::string>()).second)
        fail(fmt::format("'{}' is twice in the header", parsed.get<std::string>()));
      return true;
    };
    try {
      const auto header = nlohmann::json::parse(text, unique_keys);
      if (!header.is_object()) fail("the header is no JSON object");
      for (const auto& [name, entry] : header.items()) read_entry(name, entry);
    } catch (const nlohmann::json::exception& error) {
      fail(fmt::format("damaged header: {}", error.what()));
    }
  }

  void read_entry(const std::string& name, const nlohmann::json& entry) {
    if (name == "__metadata__") {
      header_.metadata = entry.get<std::map<std::string, std::string>>();
      return;
    }
    TensorEntry tensor{.type = entry.at("dtype").get<std::string>()};
    std::size_t bytes = tensor_type_bytes(tensor.type);
    if (bytes == 0) fail(fmt::format("tensor '{}' has unknown type '{}'", name, tensor.type));
    const auto& offsets = entry.at("data_offsets");
    if (offsets.size() != 2 || !offsets.is_array())
      fail(fmt::format("tensor '{}' needs two data_offsets", name));
    if (!offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
      fail(fmt::format("tensor '{}' has bad data_offsets", name));
    tensor.begin = offsets[0].get<std::size_t>();
    tensor.end = offsets[1].get<std::size_t>();
    if (!entry.at("shape").is_array()) fail(fmt::format("tensor '{}' has a bad shape", name));
    for (const auto& axis : entry.at("shape")) {
      if (!axis.is_number_unsigned()) fail(fmt::format("tensor '{}' has a bad shape", name));
      const auto size = axis.get<std::size_t>();
      constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
      if (size > kMost || (size != 0 && bytes > kMost / size))
        fail(fmt::format("tensor '{}' has a shape that is too large", name));
      bytes *= size;
      tensor.shape.push_back(static_cast<std::int64_t>(size));
    }
    if (tensor.end < tensor.begin || tensor.end - tensor.begin != bytes)
      fail(fmt::format("tensor '{}' takes {} bytes, but its offsets are {} and {}", name, bytes,
                       tensor.begin, tensor.end));
    header_.tensors.emplace(name, std::move(tensor));
  }

  void check_ranges() const {
    std::vector<std::pair<const std::string*, const TensorEntry*>> ordered;
    for (const auto& [name, tensor] : header_.tensors) ordered.emplace_back(&name, &tensor);
    std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
    });
    std::size_t end = 0;
    for (const auto& [name, tensor] : ordered) {
      if (tensor->begin != end)
        fail(fmt::format("tensor '{}' begins at {}, but the one before ends at {}: {}", *name,
                         tensor->begin, end, tensor->begin < end ? "overlap" : "hole"));
      end = tensor->end;
    }
    if (end != file_.size() - header_.data_begin)
      fail(fmt::format("{} bytes of data, but the header speaks of {}; truncated or damaged",
                       file_.size() - header_.data_begin, end));
  }

  std::string_view file_;
  const std::string& where_;
  SafeTensorsHeader header_;
};

}  // namespace

std::size_t tensor_type_bytes(std::string_view type) {
  const auto* row = std::ranges::find(kTensorTypeBytes, type, &TensorTypeBytes::name);
  return row == kTensorTypeBytes.end() ? 0 : row->bytes;
}

SafeTensorsHeader read_safetensors_header(std::string_view file, const std::string& where) {
  return HeaderReader(file, where).read();
}

}  // namespace medsweep::runner
