#include "runner/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "runner/mapped_file.h"
#include "runner/safetensors_header.h"
#include "runner/safetensors_types.h"

namespace medsweep::runner {

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

SafeTensors::SafeTensors(const std::filesystem::path& path)
    : path_(path), mapping_(std::make_shared<MappedFile>(path)) {
  read_header();
}

void SafeTensors::fail(const std::string& what) const {
  throw std::runtime_error(fmt::format("[{}] {}", path_.string(), what));
}

void SafeTensors::read_header() {
  SafeTensorsHeader header = read_safetensors_header(mapping_->view(), path_.string());
  data_begin_ = header.data_begin;
  metadata_ = std::move(header.metadata);
  for (auto& [name, entry] : header.tensors) {
    const auto* row = std::ranges::find(kTensorTypes, entry.type, &TensorType::name);
    ranges_.emplace(name, Range{row->type, std::move(entry.shape), entry.begin, entry.end});
  }
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
  char* bytes = mapping_->bytes() + data_begin_ + range.begin;
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

std::string SafeTensors::digest() const { return Sha256().update(mapping_->view()).hex(); }

}  // namespace medsweep::runner
