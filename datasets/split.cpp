#include "datasets/split.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "base/catalog.h"
#include "datasets/split_units.h"

namespace medsweep::datasets {
namespace {

std::string straddles(const Unit& unit, std::string_view word, std::string_view in,
                      std::string_view out, std::string_view key) {
  return fmt::format(
      "[split] {} '{}' would be divided: {} = ... takes '{}' and leaves '{}'; name both, or by = "
      "\"sample\" is allowed",
      word, unit.name, key, in, out);
}

// Units all of whose samples are `wanted`. A unit with only some is an error.
template <typename Wanted>
UnitNames whole_units(const Units& units, std::span<const SampleId> samples,
                      const SplitOptions& options, std::string_view key, const Wanted& wanted) {
  UnitNames names;
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

void check_known(std::string_view key, const std::string& name, const UnitNames& known) {
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
UnitNames part_units(const Units& units, std::span<const SampleId> samples,
                     const SplitOptions& options, const PartRequest& request) {
  if (std::holds_alternative<std::monostate>(request.part)) return {};
  if (const auto* source = std::get_if<SourceIs>(&request.part)) {
    UnitNames known;
    for (const SampleId& sample : samples) known.insert(sample.source);
    check_known(request.key, source->name, known);
    return whole_units(units, samples, options, request.key,
                       [&](const SampleId& id) { return id.source == source->name; });
  }
  if (const auto* cases = std::get_if<std::vector<std::string>>(&request.part)) {
    UnitNames known;
    for (const SampleId& sample : samples) known.insert({sample.case_name, sample.patient});
    for (const std::string& name : *cases) check_known(request.key, name, known);
    const UnitNames listed(cases->begin(), cases->end());
    return whole_units(units, samples, options, request.key, [&](const SampleId& id) {
      return listed.contains(id.case_name) || listed.contains(id.patient);
    });
  }
  const std::int64_t count = unit_count(request, units.size(), options.by);
  return count == 0 ? UnitNames{} : draw_units(units, count, options.seed, request.stream);
}

// Dealt group after group without a break: groups and totals are both balanced within one.
UnitNames fold_units(const Units& units, const SplitOptions& options, std::int64_t fold) {
  const auto count = static_cast<std::int64_t>(units.size());
  if (options.folds < 2 || options.folds > count)
    throw std::invalid_argument(fmt::format("[split] {} folds of {} {}s; 2 to {} are allowed",
                                            options.folds, count, unit_word(options.by), count));
  if (fold < 0 || fold >= options.folds)
    throw std::invalid_argument(
        fmt::format("[split] fold {}; 0 to {} are allowed", fold, options.folds - 1));
  UnitNames names;
  std::int64_t dealt = 0;
  for (const Units& group : shuffled_groups(units, options.seed, PartStream::kValidation))
    for (const Unit& unit : group)
      if (dealt++ % options.folds == fold) names.insert(unit.name);
  return names;
}

std::string fold_text(std::int64_t fold) {
  return fold < 0 ? "no fold" : fmt::format("fold {}", fold);
}

// The fold of a unit, the same for all of its samples; -1: it trains in all.
std::int64_t fold_of(const Unit& unit, std::span<const SampleId> samples, SplitUnit by) {
  const SampleId& first = samples[static_cast<std::size_t>(unit.samples.front())];
  for (const std::int64_t i : unit.samples)
    if (const SampleId& other = samples[static_cast<std::size_t>(i)]; other.fold != first.fold)
      throw std::invalid_argument(fmt::format(
          "[split] {} '{}' would be divided: sample '{}' is of {}, '{}' of {} in the file; one "
          "fold is allowed",
          unit_word(by), unit.name, first.name, fold_text(first.fold), other.name,
          fold_text(other.fold)));
  return first.fold;
}

// The units that the file's fold validates.
UnitNames file_fold_units(const Units& units, std::span<const SampleId> samples,
                          const SplitOptions& options, std::int64_t fold) {
  std::set<std::int64_t> known;
  UnitNames names;
  for (const Unit& unit : units) {
    const std::int64_t own = fold_of(unit, samples, options.by);
    if (own >= 0) known.insert(own);
    if (own == fold && fold >= 0) names.insert(unit.name);
  }
  if (known.empty())
    throw std::invalid_argument(
        "[split] validation = { folds = \"file\" }, but no sample has a fold; { folds = 5 } draws "
        "them");
  if (!known.contains(fold))
    throw std::invalid_argument(
        fmt::format("[split] fold {} is not in the file; it has {}", fold, fmt::join(known, ", ")));
  return names;
}

UnitNames validation_units(const Units& units, std::span<const SampleId> samples,
                           const SplitOptions& options, std::int64_t fold) {
  if (options.fold_source == FoldSource::kFile)
    return file_fold_units(units, samples, options, fold);
  if (options.folds != 0) return fold_units(units, options, fold);
  if (fold != -1)
    throw std::invalid_argument(
        fmt::format("[split] fold {} without folds; validation = {{ folds = 5 }} is needed", fold));
  return part_units(units, samples, options,
                    {"validation", options.validation, PartStream::kValidation});
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
  result.test = take_units(
      units, part_units(units, samples, options, {"test", options.test, PartStream::kTest}));
  result.validation = take_units(units, validation_units(units, samples, options, fold));
  UnitNames rest;
  for (const Unit& unit : units) rest.insert(unit.name);
  result.train = take_units(units, rest);
  if (result.train.empty())
    throw std::invalid_argument(
        fmt::format("[split] nothing is left to train on: {} samples to test, {} to validate of {}",
                    result.test.size(), result.validation.size(), samples.size()));
  return result;
}

}  // namespace medsweep::datasets
