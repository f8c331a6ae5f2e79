#include "datasets/converters/numpy_array.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <regex>
#include <stdexcept>
#include <vector>

#include "base/files.h"
#include "datasets/converters/zip_entries.h"

namespace medsweep::datasets {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// What the header of a .npy file says.
struct NumpyHeader {
  char order = '|', kind = 'f';
  std::int64_t item = 0;  // bytes an element
  bool fortran = false;
  std::vector<std::int64_t> shape;
  std::size_t data = 0;  // where the elements begin
};

[[noreturn]] void refuse_header(const std::string& where, std::string_view text) {
  throw std::invalid_argument(
      fmt::format("[{}] not understood as NumPy's header: {}", where, text));
}

/// "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
void parse_dictionary(NumpyHeader& header, const std::string& text, const std::string& where) {
  static const std::regex kType("'descr'\\s*:\\s*'([<>|=]?)([a-zA-Z])([0-9]*)'"),
      kOrder("'fortran_order'\\s*:\\s*(True|False)"), kShape("'shape'\\s*:\\s*\\(([0-9,\\s]*)\\)");
  std::smatch type, order, shape;
  if (!std::regex_search(text, type, kType) || !std::regex_search(text, order, kOrder) ||
      !std::regex_search(text, shape, kShape))
    refuse_header(where, text.substr(0, 80));
  header.order = type[1].length() == 0 ? '=' : type[1].str()[0];
  header.kind = type[2].str()[0];
  header.item = type[3].length() == 0 || type[3].length() > 4 ? 0 : std::stoll(type[3].str());
  header.fortran = order[1].str() == "True";
  static const std::regex kNumber("[0-9]+");
  const std::string sizes = shape[1].str();
  for (std::sregex_iterator size(sizes.begin(), sizes.end(), kNumber), end; size != end; ++size) {
    if (size->str().size() > 12) refuse_header(where, text.substr(0, 80));
    header.shape.push_back(std::stoll(size->str()));
  }
}

NumpyHeader parse_header(std::string_view bytes, const std::string& where) {
  if (!bytes.starts_with(kMagic) || bytes.size() < 12)
    throw std::invalid_argument(
        fmt::format("[{}] no array of NumPy; a .npy file is needed", where));
  const auto byte = [&](std::size_t at) -> std::size_t {
    return static_cast<unsigned char>(bytes[at]);
  };
  NumpyHeader header;
  const bool wide = byte(6) >= 2;  // versions 2 and 3 have four bytes of length
  const std::size_t begin = wide ? 12 : 10;
  const std::size_t length =
      byte(8) | byte(9) << 8U | (wide ? byte(10) << 16U | byte(11) << 24U : 0);
  if (begin + length > bytes.size())
    throw std::runtime_error(fmt::format("[{}] truncated within its header", where));
  parse_dictionary(header, std::string(bytes.substr(begin, length)), where);
  header.data = begin + length;
  return header;
}

/// The type that torch has for the elements' bytes; uint16 to uint64 have none.
std::optional<torch::ScalarType> bytes_type(const NumpyHeader& header) {
  const auto [kind, item] = std::pair(header.kind, header.item);
  if ((kind == 'u' || kind == 'b') && item == 1) return torch::kUInt8;
  if (kind == 'i' && item == 1) return torch::kInt8;
  if ((kind == 'i' || kind == 'u') && item == 2) return torch::kInt16;
  if ((kind == 'i' || kind == 'u') && item == 4) return torch::kInt32;
  if (kind == 'i' && item == 8) return torch::kInt64;
  if (kind == 'u' && item == 8) return torch::kInt64;
  if (kind == 'f' && item == 2) return torch::kFloat16;
  if (kind == 'f' && item == 4) return torch::kFloat32;
  if (kind == 'f' && item == 8) return torch::kFloat64;
  return std::nullopt;
}

torch::Tensor plain_numbers(const torch::Tensor& values, const NumpyHeader& header) {
  if (values.scalar_type() == torch::kUInt8) return values;
  if (values.is_floating_point()) return values.to(torch::kFloat32);
  const torch::Tensor wide = values.to(torch::kInt64);
  if (header.kind != 'u' || header.item == 8) return wide;
  return wide.bitwise_and((std::int64_t{1} << (8 * header.item)) - 1);
}

/// Their product; -1 where it is more than a file can hold.
std::int64_t elements_of(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(count, size, &count) || count > std::int64_t{1} << 50) return -1;
  return count;
}

}  // namespace

torch::Tensor parse_numpy_array(std::string_view bytes, const std::string& where) {
  const NumpyHeader header = parse_header(bytes, where);
  const std::optional<torch::ScalarType> type = bytes_type(header);
  if (!type)
    throw std::invalid_argument(
        fmt::format("[{}] elements of type {}{}; numbers and bool are allowed", where, header.kind,
                    header.item));
  const std::int64_t count = elements_of(header.shape);
  if (count == 0)
    throw std::invalid_argument(
        fmt::format("[{}] an array of zero size; at least one element is needed", where));
  if (count < 0 || static_cast<std::size_t>(count * header.item) > bytes.size() - header.data)
    throw std::runtime_error(
        fmt::format("[{}] truncated: fewer elements than its header says", where));
  std::vector<std::int64_t> shape = header.shape;
  if (header.fortran) std::ranges::reverse(shape);
  torch::Tensor values = torch::empty(shape, *type);
  auto* const target = static_cast<char*>(values.mutable_data_ptr());
  const auto total = static_cast<std::size_t>(count * header.item);
  std::memcpy(target, bytes.data() + header.data, total);
  if (header.order == '>')
    for (std::size_t at = 0; at < total; at += static_cast<std::size_t>(header.item))
      std::reverse(target + at, target + at + header.item);
  if (header.fortran) {
    std::vector<std::int64_t> axes(shape.size());
    for (std::size_t i = 0; i < axes.size(); ++i)
      axes[i] = std::ssize(axes) - 1 - static_cast<std::int64_t>(i);
    values = values.permute(axes);
  }
  return plain_numbers(values.contiguous(), header);
}

torch::Tensor read_npy(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  return parse_numpy_array(read_file(path), path.string());
}

std::map<std::string, torch::Tensor> read_npz(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  std::map<std::string, torch::Tensor> arrays;
  for (const auto& [name, bytes] : read_zip(read_file(path), path.string()))
    if (name.ends_with(".npy"))
      arrays[name.substr(0, name.size() - 4)] =
          parse_numpy_array(bytes, fmt::format("{}, {}", path.string(), name));
  return arrays;
}

}  // namespace medsweep::datasets
