#include "runner/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "base/files.h"
#include "runner/safetensors_types.h"

namespace medsweep::runner {
namespace {

constexpr std::size_t kMaximumHeader = 100'000'000;  // as Python's reader

}  // namespace

void copy_tensors(std::string_view where, const Tensors& from, const Tensors& to) {
  for (const auto& [name, target] : to) {
    const auto source = from.find(name);
    if (source == from.end())
      throw std::invalid_argument(fmt::format("[{}] tensor '{}' is missing", where, name));
    if (source->second.sizes() != target.sizes() ||
        source->second.scalar_type() != target.scalar_type())
      throw std::invalid_argument(
          fmt::format("[{}] tensor '{}' is {} {}; {} {} is allowed", where, name,
                      c10::toString(source->second.scalar_type()), c10::str(source->second.sizes()),
                      c10::toString(target.scalar_type()), c10::str(target.sizes())));
  }
  for (const auto& entry : from)
    if (!to.contains(entry.first))
      throw std::invalid_argument(
          fmt::format("[{}] tensor '{}' has no place here", where, entry.first));
  const at::NoGradGuard no_grad;
  for (const auto& [name, target] : to) torch::Tensor(target).copy_(from.at(name));
}

struct SafeTensors::Mapping {
  explicit Mapping(const std::filesystem::path& path) {
    const std::string where = path.string();
    const FileDescriptor file(static_cast<int>(
        check_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC), where, "cannot be opened")));
    struct stat status {};
    check_errno(fstat(file.get(), &status), where, "fstat failed");
    size = static_cast<std::size_t>(status.st_size);
    if (size == 0) return;
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0);
    check_errno(mapped == MAP_FAILED ? -1 : 0, where, "mmap failed");
    bytes = static_cast<char*>(mapped);
  }
  ~Mapping() {
    if (bytes != nullptr) munmap(bytes, size);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* bytes = nullptr;
  std::size_t size = 0;
};

SafeTensors::SafeTensors(const std::filesystem::path& path)
    : path_(path), mapping_(std::make_shared<Mapping>(path)) {
  read_header();
  check_ranges();
}

void SafeTensors::fail(const std::string& what) const {
  throw std::runtime_error(fmt::format("[{}] {}", path_.string(), what));
}

void SafeTensors::read_header() {
  if (mapping_->size < kHeaderLengthBytes)
    fail(fmt::format("{} bytes; a safetensors file has at least 8", mapping_->size));
  std::uint64_t length = 0;
  std::memcpy(&length, mapping_->bytes, sizeof(length));
  if (length > kMaximumHeader || length > mapping_->size - kHeaderLengthBytes)
    fail(fmt::format("header of {} bytes in a file of {}; damaged or not a safetensors file",
                     length, mapping_->size));
  const std::string_view text(mapping_->bytes + kHeaderLengthBytes, length);
  data_begin_ = kHeaderLengthBytes + length;

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
    for (const auto& [name, entry] : header.items()) read_entry(name, &entry);
  } catch (const nlohmann::json::exception& error) {
    fail(fmt::format("damaged header: {}", error.what()));
  }
}

void SafeTensors::read_entry(const std::string& name, const void* json) {
  const auto& entry = *static_cast<const nlohmann::json*>(json);
  if (name == "__metadata__") {
    metadata_ = entry.get<TensorMetadata>();
    return;
  }
  const auto type = entry.at("dtype").get<std::string>();
  const auto* row = std::ranges::find(kTensorTypes, type, &TensorType::name);
  if (row == kTensorTypes.end()) fail(fmt::format("tensor '{}' has unknown type '{}'", name, type));
  const auto& offsets = entry.at("data_offsets");
  if (offsets.size() != 2) fail(fmt::format("tensor '{}' needs two data_offsets", name));
  Range range{row->type, {}, offsets[0].get<std::size_t>(), offsets[1].get<std::size_t>()};
  std::size_t bytes = c10::elementSize(range.type);
  for (const auto& axis : entry.at("shape")) {
    if (!axis.is_number_unsigned()) fail(fmt::format("tensor '{}' has a bad shape", name));
    const auto size = axis.get<std::size_t>();
    if (size != 0 && bytes > std::numeric_limits<std::int64_t>::max() / size)
      fail(fmt::format("tensor '{}' has a shape that is too large", name));
    bytes *= size;
    range.shape.push_back(static_cast<std::int64_t>(size));
  }
  if (range.end < range.begin || range.end - range.begin != bytes)
    fail(fmt::format("tensor '{}' takes {} bytes, but its offsets are {} and {}", name, bytes,
                     range.begin, range.end));
  ranges_.emplace(name, std::move(range));
}

void SafeTensors::check_ranges() const {
  std::vector<std::pair<const std::string*, const Range*>> ordered;
  for (const auto& [name, range] : ranges_) ordered.emplace_back(&name, &range);
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  std::size_t end = 0;
  for (const auto& [name, range] : ordered) {
    if (range->begin != end)
      fail(fmt::format("tensor '{}' begins at {}, but the one before ends at {}: {}", *name,
                       range->begin, end, range->begin < end ? "overlap" : "hole"));
    end = range->end;
  }
  if (end != mapping_->size - data_begin_)
    fail(fmt::format("{} bytes of data, but the header speaks of {}; truncated or damaged",
                     mapping_->size - data_begin_, end));
}

std::vector<std::string> SafeTensors::names() const {
  std::vector<std::string> names;
  for (const auto& entry : ranges_) names.push_back(entry.first);
  return names;
}

bool SafeTensors::contains(std::string_view name) const { return ranges_.contains(name); }

torch::Tensor SafeTensors::tensor(std::string_view name) const {
  const auto found = ranges_.find(name);
  if (found == ranges_.end()) fail(fmt::format("there is no tensor '{}'", name));
  const Range& range = found->second;
  const auto options = torch::TensorOptions().dtype(range.type);
  if (range.begin == range.end) return torch::empty(range.shape, options);
  char* bytes = mapping_->bytes + data_begin_ + range.begin;
  const auto view = torch::from_blob(
      bytes, range.shape, [kept = mapping_](void*) {}, options);
  // Files of others may be unaligned: from_blob does not mind, vector instructions do.
  if (reinterpret_cast<std::uintptr_t>(bytes) % c10::elementSize(range.type) == 0) return view;
  torch::Tensor aligned = torch::empty(range.shape, options);
  std::memcpy(aligned.mutable_data_ptr(), bytes, range.end - range.begin);
  return aligned;
}

Tensors SafeTensors::all() const {
  Tensors tensors;
  for (const auto& entry : ranges_) tensors.emplace(entry.first, tensor(entry.first));
  return tensors;
}

std::string SafeTensors::digest() const {
  return Sha256().update(mapping_->bytes, mapping_->size).hex();
}

}  // namespace medsweep::runner
