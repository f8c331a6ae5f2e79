#include "datasets/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

#include "base/catalog.h"
#include "base/random.h"
#include "datasets/apportion.h"
#include "datasets/shuffle.h"

namespace medsweep::datasets {
namespace {

enum class PartStream : std::uint64_t { kTest = 1, kValidation };

struct Unit {
  std::string name, group;
  std::vector<std::int64_t> samples;
};
using Units = std::vector<Unit>;

std::string_view unit_word(SplitUnit by) {
  return by == SplitUnit::kPatient ? "patient" : by == SplitUnit::kSource ? "source" : "sample";
}

const std::string& unit_name(const SampleId& sample, SplitUnit by) {
  const std::string& name = by == SplitUnit::kPatient  ? sample.patient
                            : by == SplitUnit::kSource ? sample.source
                                                       : sample.name;
  if (name.empty())
    throw std::invalid_argument(fmt::format(
        "[split] sample '{}' has no {}; by = \"sample\" is allowed", sample.name, unit_word(by)));
  return name;
}

// Sorted by name: the order of the samples must not matter.
Units units_of(std::span<const SampleId> samples, const SplitOptions& options) {
  if (!options.stratify.empty() && options.stratify != "group")
    throw std::invalid_argument(
        fmt::format("[split] stratify = \"{}\"; \"group\" is allowed", options.stratify));
  std::map<std::string, Unit> units;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::string& name = unit_name(samples[i], options.by);
    const std::string group = options.stratify.empty() ? "" : samples[i].group;
    if (!options.stratify.empty() && group.empty())
      throw std::invalid_argument(
          fmt::format("[split] sample '{}' has no group; stratify needs one for every sample",
                      samples[i].name));
    Unit& unit = units.try_emplace(name, Unit{name, group, {}}).first->second;
    if (unit.group != group)
      throw std::invalid_argument(
          fmt::format("[split] {} '{}' is in the groups '{}' and '{}'; one group is allowed",
                      unit_word(options.by), name, unit.group, group));
    unit.samples.push_back(static_cast<std::int64_t>(i));
  }
  Units list;
  for (auto& [name, unit] : units) list.push_back(std::move(unit));
  return list;
}

// The units of each group in a random order, groups by name.
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

using Names = std::set<std::string>;

// `count` units, of each group its share (largest remainders).
Names draw_units(const Units& units, std::int64_t count, std::uint64_t seed, PartStream part) {
  const auto groups = shuffled_groups(units, seed, part);
  std::vector<double> sizes;
  for (const Units& group : groups) sizes.push_back(static_cast<double>(group.size()));
  const std::vector<std::int64_t> shares = apportion(count, sizes);
  Names names;
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::int64_t i = 0; i < shares[g]; ++i)
      names.insert(groups[g][static_cast<std::size_t>(i)].name);
  return names;
}

std::string straddles(const Unit& unit, std::string_view word, std::string_view in,
                      std::string_view out, std::string_view key) {
  return fmt::format(
      "[split] {} '{}' would be divided: {} = ... takes '{}' and leaves '{}'; name both, or by = "
      "\"sample\" is allowed",
      word, unit.name, key, in, out);
}

// Units all of whose samples are `wanted`. A unit with only some is an error.
template <typename Wanted>
Names whole_units(const Units& units, std::span<const SampleId> samples,
                  const SplitOptions& options, std::string_view key, const Wanted& wanted) {
  Names names;
  for (const Unit& unit : units) {
    const SampleId *in = nullptr, *out = nullptr;
    for (const std::int64_t i : unit.samples) {
      const SampleId& sample = samples[static_cast<std::size_t>(i)];
      (wanted(sample) ? in : out) = &sample;
    }
    if (in != nullptr && out != nullptr)
      throw std::invalid_argument(straddles(unit, unit_word(options.by), in->name, out->name, key));
    if (in != nullptr) names.insert(unit.name);
  }
  return names;
}

void check_known(std::string_view key, const std::string& name, const Names& known) {
  if (known.contains(name)) return;
  const std::vector<std::string_view> views(known.begin(), known.end());
  if (views.empty())
    throw std::invalid_argument(fmt::format("[split.{}] '{}' is not in the data", key, name));
  throw std::invalid_argument(fmt::format("[split.{}] '{}' is not in the data; did you mean '{}'?",
                                          key, name, nearest(name, views)));
}

struct PartRequest {
  std::string_view key;
  const SplitPart& part;
  PartStream stream;
};

std::int64_t unit_count(const PartRequest& request, std::size_t units, SplitUnit by) {
  const auto all = static_cast<std::int64_t>(units);
  std::int64_t count = 0;
  if (const double* fraction = std::get_if<double>(&request.part)) {
    if (!(*fraction >= 0 && *fraction < 1))
      throw std::invalid_argument(
          fmt::format("[split.{}] {}; a fraction in [0, 1) is allowed", request.key, *fraction));
    if (*fraction == 0) return 0;
    count = std::max<std::int64_t>(1, std::llround(*fraction * static_cast<double>(all)));
    if (all > 1) count = std::min(count, all - 1);
  } else {
    count = std::get<std::int64_t>(request.part);
  }
  if (count < 0 || (count > 0 && count >= all))
    throw std::invalid_argument(
        fmt::format("[split.{}] {} of {} {}{}; 0 to {} are allowed, so that some are left to train",
                    request.key, count, all, unit_word(by), all == 1 ? "" : "s",
                    std::max<std::int64_t>(all - 1, 0)));
  return count;
}

// The units of one part among those still free.
Names part_units(const Units& units, std::span<const SampleId> samples, const SplitOptions& options,
                 const PartRequest& request) {
  if (std::holds_alternative<std::monostate>(request.part)) return {};
  if (const auto* source = std::get_if<SourceIs>(&request.part)) {
    Names known;
    for (const SampleId& sample : samples) known.insert(sample.source);
    check_known(request.key, source->name, known);
    return whole_units(units, samples, options, request.key,
                       [&](const SampleId& id) { return id.source == source->name; });
  }
  if (const auto* cases = std::get_if<std::vector<std::string>>(&request.part)) {
    Names known;
    for (const SampleId& sample : samples) known.insert({sample.case_name, sample.patient});
    for (const std::string& name : *cases) check_known(request.key, name, known);
    const Names listed(cases->begin(), cases->end());
    return whole_units(units, samples, options, request.key, [&](const SampleId& id) {
      return listed.contains(id.case_name) || listed.contains(id.patient);
    });
  }
  const std::int64_t count = unit_count(request, units.size(), options.by);
  return count == 0 ? Names{} : draw_units(units, count, options.seed, request.stream);
}

// Dealt group after group without a break: groups and totals are both balanced within one.
Names fold_units(const Units& units, const SplitOptions& options, std::int64_t fold) {
  const auto count = static_cast<std::int64_t>(units.size());
  if (options.folds < 2 || options.folds > count)
    throw std::invalid_argument(fmt::format("[split] {} folds of {} {}s; 2 to {} are allowed",
                                            options.folds, count, unit_word(options.by), count));
  if (fold < 0 || fold >= options.folds)
    throw std::invalid_argument(
        fmt::format("[split] fold {}; 0 to {} are allowed", fold, options.folds - 1));
  Names names;
  std::int64_t dealt = 0;
  for (const Units& group : shuffled_groups(units, options.seed, PartStream::kValidation))
    for (const Unit& unit : group)
      if (dealt++ % options.folds == fold) names.insert(unit.name);
  return names;
}

// Moves the named units' samples out of `units` into one sorted list.
std::vector<std::int64_t> take(Units& units, const Names& names) {
  std::vector<std::int64_t> samples;
  for (const Unit& unit : units)
    if (names.contains(unit.name))
      samples.insert(samples.end(), unit.samples.begin(), unit.samples.end());
  std::erase_if(units, [&](const Unit& unit) { return names.contains(unit.name); });
  std::ranges::sort(samples);
  return samples;
}

}  // namespace

SplitUnit split_unit(std::string_view name) {
  if (name == "patient") return SplitUnit::kPatient;
  if (name == "source") return SplitUnit::kSource;
  if (name == "sample") return SplitUnit::kSample;
  throw std::invalid_argument(
      fmt::format("[split] by = \"{}\"; \"patient\", \"source\" and \"sample\" are allowed", name));
}

SourceIs source_is(std::string_view text) {
  if (!text.starts_with("source:"))
    throw std::invalid_argument(fmt::format(
        "[split] \"{}\"; \"source:NAME\", a list of cases, a fraction or a count is allowed",
        text));
  return {std::string(text.substr(7))};
}

Split split(std::span<const SampleId> samples, const SplitOptions& options, std::int64_t fold) {
  Units units = units_of(samples, options);
  Split result;
  result.test =
      take(units, part_units(units, samples, options, {"test", options.test, PartStream::kTest}));
  if (options.folds == 0 && fold != -1)
    throw std::invalid_argument(
        fmt::format("[split] fold {} without folds; validation = {{ folds = 5 }} is needed", fold));
  result.validation =
      take(units, options.folds != 0
                      ? fold_units(units, options, fold)
                      : part_units(units, samples, options,
                                   {"validation", options.validation, PartStream::kValidation}));
  Names rest;
  for (const Unit& unit : units) rest.insert(unit.name);
  result.train = take(units, rest);
  if (result.train.empty())
    throw std::invalid_argument(
        fmt::format("[split] nothing is left to train on: {} samples to test, {} to validate of {}",
                    result.test.size(), result.validation.size(), samples.size()));
  return result;
}

}  // namespace medsweep::datasets
