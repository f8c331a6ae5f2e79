#include "datasets/converters/label_map.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kLargestCode = 65535;
constexpr std::int16_t kUnknownCode = -1;
constexpr std::size_t kMostListed = 12;

bool is_background(const std::string& name) {
  std::string lower = name;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower == "background";
}

/// The index of the first code whose label is unknown; the number of codes where there is none.
template <typename Code>
std::int64_t look_up(const torch::Tensor& codes, const std::vector<std::int16_t>& labels,
                     std::int16_t otherwise, torch::Tensor& made) {
  const Code* from = codes.data_ptr<Code>();
  std::uint8_t* to = made.data_ptr<std::uint8_t>();
  const std::int64_t count = codes.numel();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto code = static_cast<std::int64_t>(from[i]);
    const bool in_table = code >= 0 && code <= kLargestCode;
    const std::int16_t label = in_table ? labels[static_cast<std::size_t>(code)] : otherwise;
    if (label < 0) return i;
    to[i] = static_cast<std::uint8_t>(label);
  }
  return count;
}

std::string place_in(const torch::Tensor& volume, std::int64_t index) {
  const std::int64_t width = volume.size(-1), height = volume.size(-2);
  return fmt::format("x {}, y {}, z {}", index % width, index / width % height,
                     index / width / height);
}

}  // namespace

LabelMap::LabelMap(std::vector<Entry> entries, Others others)
    : entries_(std::move(entries)),
      labels_(static_cast<std::size_t>(kLargestCode) + 1, kUnknownCode),
      others_(others) {
  for (const Entry& entry : entries_) {
    if (entry.code < 0 || entry.code > kLargestCode)
      throw std::invalid_argument(fmt::format("[label map] code {} of {}; 0 to {} are allowed",
                                              entry.code, entry.name, kLargestCode));
    std::int16_t& label = labels_[static_cast<std::size_t>(entry.code)];
    const std::int16_t meant = label_called(entry);
    if (label != kUnknownCode && label != meant)
      throw std::invalid_argument(
          fmt::format("[label map] code {} has two names; one is allowed", entry.code));
    label = meant;
  }
  labels_[0] = 0;
  if (others_ == Others::kBackground) std::ranges::replace(labels_, kUnknownCode, std::int16_t{0});
  if (classes_.empty() || classes_.size() > 255)
    throw std::invalid_argument(
        fmt::format("[label map] {} classes; 1 to 255 are allowed", classes_.size()));
}

std::int16_t LabelMap::label_called(const Entry& entry) {
  if (entry.code == 0 || is_background(entry.name)) return 0;
  const auto found = std::ranges::find(classes_, entry.name);
  const auto label = static_cast<std::int16_t>(std::distance(classes_.begin(), found) + 1);
  if (found == classes_.end()) {
    classes_.push_back(entry.name);
    codes_.push_back(entry.code);
  }
  return label;
}

LabelMap LabelMap::consecutive(const std::vector<std::string>& classes) {
  std::vector<Entry> entries;
  for (const std::string& name : classes) entries.push_back({std::ssize(entries) + 1, name});
  return LabelMap(entries);
}

LabelMap LabelMap::only(const std::vector<std::string>& classes) const {
  std::vector<Entry> entries;
  for (const std::string& name : classes) {
    if (std::ranges::find(classes_, name) == classes_.end())
      throw std::invalid_argument(fmt::format("[classes] unknown class '{}'; there are {}", name,
                                              fmt::join(classes_, ", ")));
    std::ranges::copy_if(entries_, std::back_inserter(entries),
                         [&](const Entry& entry) { return entry.name == name && entry.code != 0; });
  }
  for (const Entry& entry : entries_)
    if (std::ranges::find(classes, entry.name) == classes.end())
      entries.push_back({entry.code, "background"});
  return LabelMap(entries, others_);
}

std::string LabelMap::allowed() const {
  std::vector<std::int64_t> codes;
  for (const Entry& entry : entries_)
    if (entry.code != 0) codes.push_back(entry.code);
  std::ranges::sort(codes);
  if (codes.size() > kMostListed)
    return fmt::format("0 and the {} codes of the label map are allowed", codes.size());
  return fmt::format("0, {} are allowed", fmt::join(codes, ", "));
}

torch::Tensor LabelMap::labels_of(const torch::Tensor& given, const std::string& where) const {
  const torch::Tensor codes = given.contiguous();
  torch::Tensor made = torch::empty(codes.sizes(), torch::kUInt8);
  const std::int16_t otherwise = others_ == Others::kBackground ? std::int16_t{0} : kUnknownCode;
  std::int64_t known = 0;
  switch (codes.scalar_type()) {
    case torch::kUInt8:
      known = look_up<std::uint8_t>(codes, labels_, otherwise, made);
      break;
    case torch::kInt16:
      known = look_up<std::int16_t>(codes, labels_, otherwise, made);
      break;
    default:
      known = look_up<std::int32_t>(codes.to(torch::kInt32), labels_, otherwise, made);
  }
  if (known < codes.numel())
    throw std::invalid_argument(fmt::format("[{}] unknown label {} at {}; {}", where,
                                            codes.flatten()[known].item<std::int64_t>(),
                                            place_in(codes, known), allowed()));
  return made;
}

}  // namespace medsweep::datasets
