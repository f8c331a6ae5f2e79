#include "datasets/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "datasets/data_file.h"
#include "datasets/in_parallel.h"

namespace medsweep::datasets {
namespace {

using SamplePlaces = std::map<std::string, std::int64_t>;  // sample -> position

SamplePlaces places_of(const DataFile& file) {
  SamplePlaces places;
  for (std::size_t i = 0; i < file.samples().size(); ++i)
    places[file.samples()[i].name] = static_cast<std::int64_t>(i);
  return places;
}

ComparedFile compared(const DataFile& file) {
  return {file.path(), file.name(), file.digest(), std::ssize(file.samples())};
}

/// Appends "key: one -> other" where they differ.
template <typename Value>
void add_change(const char* key, const Value& one, const Value& other,
                std::vector<std::string>& changes) {
  const auto text = [](const std::string& value) { return value.empty() ? "(none)" : value; };
  const std::string before = fmt::format("{}", one), after = fmt::format("{}", other);
  if (before != after)
    changes.push_back(fmt::format("{}: {} -> {}", key, text(before), text(after)));
}

std::string regions_text(const std::vector<Region>& regions) {
  std::string text;
  for (const Region& region : regions)
    text += fmt::format("{}={} ", region.name, fmt::join(region.labels, "+"));
  return text;
}

std::vector<std::string> header_changes(const DataFileHeader& one, const DataFileHeader& other) {
  std::vector<std::string> changes;
  const auto list = [](const auto& values) { return fmt::format("{}", fmt::join(values, " ")); };
  add_change("name", one.name, other.name, changes);
  add_change("classes", list(one.classes), list(other.classes), changes);
  add_change("channels", one.channels, other.channels, changes);
  add_change("dimension", one.dimension, other.dimension, changes);
  add_change("regions", regions_text(one.regions), regions_text(other.regions), changes);
  add_change("label codes", list(one.label_codes), list(other.label_codes), changes);
  return changes;
}

void add_identity_changes(const SampleId& one, const SampleId& other,
                          std::vector<std::string>& changes) {
  const auto list = [](const auto& values) { return fmt::format("{}", fmt::join(values, " ")); };
  add_change("case", one.case_name, other.case_name, changes);
  add_change("patient", one.patient, other.patient, changes);
  add_change("group", one.group, other.group, changes);
  add_change("source", one.source, other.source, changes);
  add_change("slice", one.slice, other.slice, changes);
  add_change("fold", one.fold, other.fold, changes);
  add_change("spacing", list(one.spacing), list(other.spacing), changes);
  add_change("affine", list(one.affine), list(other.affine), changes);
}

/// "12 of 55296 values"; empty where they are equal.
std::string array_change(const torch::Tensor& one, const torch::Tensor& other) {
  if (one.scalar_type() != other.scalar_type())
    return fmt::format("{} -> {}", torch::toString(one.scalar_type()),
                       torch::toString(other.scalar_type()));
  if (one.sizes() != other.sizes())
    return fmt::format("{} -> {}", fmt::join(one.sizes(), " x "), fmt::join(other.sizes(), " x "));
  const auto count = one.ne(other).sum().item<std::int64_t>();
  return count == 0 ? "" : fmt::format("{} of {} values", count, one.numel());
}

void add_array_changes(const RawSample& one, const RawSample& other,
                       std::vector<std::string>& changes) {
  std::map<std::string, torch::Tensor> before, after;
  for (const auto& [name, values] : named_arrays(one)) before[name] = values;
  for (const auto& [name, values] : named_arrays(other)) after[name] = values;
  for (const auto& [name, values] : before) {
    const auto found = after.find(name);
    const std::string change =
        found == after.end() ? "only before" : array_change(values, found->second);
    if (!change.empty()) changes.push_back(fmt::format("{}: {}", name, change));
  }
  for (const auto& [name, values] : after)
    if (!before.contains(name)) changes.push_back(fmt::format("{}: only after", name));
}

SampleDifference difference_of(const RawSample& one, const RawSample& other) {
  SampleDifference difference{one.id.name, one.id.case_name};
  add_identity_changes(one.id, other.id, difference.what);
  add_array_changes(one, other, difference.what);
  return difference;
}

std::vector<SampleDifference> only_in(const DataFile& file, const SamplePlaces& others) {
  std::vector<SampleDifference> only;
  for (const SampleId& id : file.samples())
    if (!others.contains(id.name)) only.push_back({id.name, id.case_name});
  return only;
}

}  // namespace

Comparison compare(const std::filesystem::path& before, const std::filesystem::path& after,
                   std::int64_t threads) {
  const DataFile one(before), other(after);
  const SamplePlaces in_one = places_of(one), in_other = places_of(other);
  Comparison found{.before = compared(one), .after = compared(other)};
  found.header = header_changes(one.header(), other.header());
  found.removed = only_in(one, in_other);
  found.added = only_in(other, in_one);
  std::vector<std::pair<std::int64_t, std::int64_t>> changed;
  std::int64_t last = -1;
  for (const SampleId& id : one.samples()) {
    const auto place = in_other.find(id.name);
    if (place == in_other.end()) continue;
    found.reordered |= place->second < std::exchange(last, place->second);
    const std::int64_t index = in_one.at(id.name);
    if (one.sample_digest(index) != other.sample_digest(place->second))
      changed.emplace_back(index, place->second);
  }
  found.changed.resize(changed.size());
  in_parallel(std::ssize(changed), threads, [&](std::int64_t i) {
    const auto [index, place] = changed[static_cast<std::size_t>(i)];
    found.changed[static_cast<std::size_t>(i)] = difference_of(one.read(index), other.read(place));
  });
  return found;
}

}  // namespace medsweep::datasets
