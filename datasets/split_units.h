#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/batch.h"
#include "datasets/split.h"

namespace medsweep::datasets {

/// What a split moves as a whole: a patient, a source or a sample, with the positions of its
/// samples.
struct Unit {
  std::string name, group;
  std::vector<std::int64_t> samples;
};
using Units = std::vector<Unit>;
using UnitNames = std::set<std::string>;

/// Which part is drawn: each has random numbers of its own.
enum class PartStream : std::uint64_t { kTest = 1, kValidation };

/// "patient", "source" or "sample".
std::string_view unit_word(SplitUnit by);

/// The units of the samples, sorted by name: the order of the samples must not matter. Groups are
/// those that `stratify` asks for, else empty. Throws std::invalid_argument for a sample without
/// the name or group that is asked for, and a unit in two groups.
Units units_of(std::span<const SampleId> samples, const SplitOptions& options);

/// The units of each group in a random order, groups by name.
std::vector<Units> shuffled_groups(const Units& units, std::uint64_t seed, PartStream part);

/// `count` units, of each group its share (largest remainders).
UnitNames draw_units(const Units& units, std::int64_t count, std::uint64_t seed, PartStream part);

/// Moves the named units' samples out of `units` into one sorted list.
std::vector<std::int64_t> take_units(Units& units, const UnitNames& names);

}  // namespace medsweep::datasets
