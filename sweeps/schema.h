#pragma once

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"

namespace medsweep::sweeps {

/// What a knob's value may be. A list type also takes a single value.
enum class KnobType {
  kBoolean,
  kInteger,
  kNumber,
  kString,
  kName,          ///< a row of `rows`, or { name = "...", option = ... } with the row's options
  kNames,         ///< one or more names; a list is a weighted sum (options may hold `weight`)
  kIntegers,
  kStrings,
  kStringLists,   ///< e.g. tasks = [["lv"], ["myo"]]
  kIntegersOrName,
  kDatasets,      ///< "file.h5", or a list of { file = ..., weight = ... }
  kStages,        ///< list of tables { layers, epochs, learning_rate }
};

/// One knob of a trial, or one option of a row. The table of them is handed in by `runner`.
struct Knob {
  std::string_view key;  ///< "batch_size", or the option's own key: "reduction"
  KnobType type;
  /// TOML text of the default, e.g. "0.9", "\"none\"", "[64, 128]"; empty: required, or (for an
  /// option) absent unless given.
  std::string_view default_value;
  std::string_view sentence;
  double minimum = -std::numeric_limits<double>::infinity();  ///< of numbers and elements
  double maximum = std::numeric_limits<double>::infinity();
};

/// A row that a name may stand for, with the options it understands.
struct NamedRow {
  Row row;
  std::span<const Knob> options;
  /// The rows that the sources digest depends on; row.sources alone where empty.
};

/// A kind of names: which rows, and how `list` calls them.
struct Kind {
  std::string_view name;  ///< "attention": of error texts and `runner list`
  std::vector<NamedRow> rows;
};

/// Everything the study language needs to know about trials. `sweeps` knows nothing of models or
/// data sets: what it may say, it is told here.
struct Schema {
  std::vector<Knob> knobs;             ///< in the order of `runner list knobs`
  std::map<std::string, Kind> kinds;   ///< knob key -> the names it takes
  /// file pair without ending -> hexadecimal digest of it and of all it includes.
  std::map<std::string, std::string> source_digests;
  /// The file pairs behind every trial whatever its knobs: the trainer, the reader ...
  std::vector<std::string> common_sources;
  /// Does a knob matter, given the trial's others? Knobs that do not are left out of the identity.
  /// `knobs` is the trial's canonical JSON.
  std::function<bool(std::string_view key, std::string_view knobs)> matters;
  /// What cannot be: a network that cannot take the size, classes that the data lacks ... Empty
  /// when the trial can run, otherwise the error text.
  std::function<std::string(std::string_view knobs)> refuse;
  /// Digest of a data file; nullopt where it does not exist.
  std::function<std::optional<std::string>(const std::string& path)> data_digest;
};

}  // namespace medsweep::sweeps
