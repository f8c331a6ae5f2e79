#include "datasets/split_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "base/random.h"
#include "datasets/apportion.h"
#include "datasets/shuffle.h"

namespace medsweep::datasets {
namespace {

const std::string& unit_name(const SampleId& sample, SplitUnit by) {
  const std::string& name = by == SplitUnit::kPatient  ? sample.patient
                            : by == SplitUnit::kSource ? sample.source
                                                       : sample.name;
  if (name.empty())
    throw std::invalid_argument(fmt::format(
        "[split] sample '{}' has no {}; by = \"sample\" is allowed", sample.name, unit_word(by)));
  return name;
}

std::string in_two_groups(const Unit& unit, std::string_view word, const SampleId& first,
                          const SampleId& other) {
  return fmt::format(
      "[split] {} '{}' is in the groups '{}' (sample '{}') and '{}' (sample '{}'); one group is "
      "allowed",
      word, unit.name, first.group, first.name, other.group, other.name);
}

}  // namespace

std::string_view unit_word(SplitUnit by) {
  return by == SplitUnit::kPatient ? "patient" : by == SplitUnit::kSource ? "source" : "sample";
}

Units units_of(std::span<const SampleId> samples, const SplitOptions& options) {
  if (!options.stratify.empty() && options.stratify != "group")
    throw std::invalid_argument(
        fmt::format("[split] stratify = \"{}\"; \"group\" is allowed", options.stratify));
  std::map<std::string, Unit> units;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::string& name = unit_name(samples[i], options.by);
    const std::string& group = options.stratify.empty() ? options.stratify : samples[i].group;
    if (!options.stratify.empty() && group.empty())
      throw std::invalid_argument(
          fmt::format("[split] sample '{}' has no group; stratify needs one for every sample",
                      samples[i].name));
    Unit& unit = units.try_emplace(name, Unit{name, group, {}}).first->second;
    if (unit.group != group)
      throw std::invalid_argument(
          in_two_groups(unit, unit_word(options.by),
                        samples[static_cast<std::size_t>(unit.samples.front())], samples[i]));
    unit.samples.push_back(static_cast<std::int64_t>(i));
  }
  Units list;
  for (auto& [name, unit] : units) list.push_back(std::move(unit));
  return list;
}

std::vector<Units> shuffled_groups(const Units& units, std::uint64_t seed, PartStream part) {
  std::map<std::string, Units> groups;
  for (const Unit& unit : units) groups[unit.group].push_back(unit);
  std::vector<Units> shuffled;
  for (auto& [name, members] : groups) {
    shuffle(members, RandomStream({seed, static_cast<std::uint64_t>(RandomUse::kSplit),
                                   static_cast<std::uint64_t>(part), shuffled.size()}));
    shuffled.push_back(std::move(members));
  }
  return shuffled;
}

UnitNames draw_units(const Units& units, std::int64_t count, std::uint64_t seed, PartStream part) {
  const auto groups = shuffled_groups(units, seed, part);
  std::vector<double> sizes;
  for (const Units& group : groups) sizes.push_back(static_cast<double>(group.size()));
  const std::vector<std::int64_t> shares = apportion(count, sizes);
  UnitNames names;
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::int64_t i = 0; i < shares[g]; ++i)
      names.insert(groups[g][static_cast<std::size_t>(i)].name);
  return names;
}

std::vector<std::int64_t> take_units(Units& units, const UnitNames& names) {
  std::vector<std::int64_t> samples;
  for (const Unit& unit : units)
    if (names.contains(unit.name))
      samples.insert(samples.end(), unit.samples.begin(), unit.samples.end());
  std::erase_if(units, [&](const Unit& unit) { return names.contains(unit.name); });
  std::ranges::sort(samples);
  return samples;
}

}  // namespace medsweep::datasets
