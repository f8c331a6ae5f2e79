#pragma once

#include <filesystem>
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

/// What a knob's value may be, and (after the arrow) how it stands in Trial::knobs where that
/// differs. A list type also takes a single value and always stands as a list.
enum class KnobType {
  kBoolean,
  kInteger,
  kNumber,
  kString,
  kName,      ///< a row of the knob's kind: "se" or { name, options } -> {"name":..., options}
  kNames,     ///< one or more names, a weighted sum -> [{"name":...,"weight":1, options}]
  kNameList,  ///< one or more names, applied in this order -> [{"name":..., options}]
  kIntegers,
  kNumbers,
  kStrings,
  kStringLists,     ///< tasks = [["lv"], ["myo"]]
  kIntegersOrName,  ///< [256, 256], or one of `choices` (any word where that is empty)
  kFile,            ///< a path, "trial:NAME", or a word without '.' and '/' -> absolute path
  kFiles,
  kDatasets,  ///< "a.h5", { file, weight }, or a list of them -> [{"file":absolute,"weight":1}];
              ///< other keys of such a table are knobs, set where the data set is used
  kStages,    ///< [{ layers, epochs, learning_rate }]
  kSamples,   ///< of a split: 0.2, 4, ["case"], "source:testing", { folds = 5 or "file" }
  kOptions,   ///< a table of options without a name: split, evaluate, early_stop
  kAny,       ///< of a knob that this version does not know
};

/// What a knob decides.
enum class KnobUse {
  kTrial,  ///< a trial's numbers: part of its identity
  kRun,    ///< only how it is run (ranks_per_trial): frozen with the study, not in the identity
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
  std::string_view choices = {};  ///< allowed words of strings, "fp32 bf16 auto"; empty: any
  KnobUse use = KnobUse::kTrial;
  std::span<const Knob> options = {};  ///< of kOptions
};

/// A row that a name may stand for, with the options it understands. An option that only other
/// rows of the kind understand has no effect and is left out of the trial.
struct NamedRow {
  Row row;
  std::span<const Knob> options;
};

/// A kind of names: which rows, and how `list` calls them.
struct Kind {
  std::string_view name;  ///< "attention": of error texts and `runner list`
  std::vector<NamedRow> rows;
};

/// Everything the study language needs to know about trials. `sweeps` knows nothing of models or
/// data sets: what it may say, it is told here. Functions may be empty.
///
/// The knobs `seed`, `fold`, `split`, `evaluate` and `early_stop` are the language's own: each is
/// added where `knobs` has none of that key.
struct Schema {
  std::vector<Knob> knobs;            ///< in the order of `runner list knobs`
  std::map<std::string, Kind> kinds;  ///< knob key, or "knob.option" -> the names it takes
  Kind metrics;                       ///< of [[table]], evaluate, early_stop; no rows: any
  /// knob -> word -> what it means on this machine: precision: auto -> bf16.
  std::map<std::string, std::map<std::string, std::string>> resolved;
  /// file pair without ending -> hexadecimal digest of it and of all it includes.
  std::map<std::string, std::string> source_digests;
  /// The file pairs behind every trial whatever its knobs: the trainer, the reader ...
  std::vector<std::string> common_sources;
  /// Rows of the knob `schedule` whose beginning does not depend on `epochs`: a finished trial is
  /// extended, and `epochs` is not in the identity.
  std::vector<std::string> extendable_schedules = {"constant", "step", "multi_step", "plateau"};
  /// The knobs ("patch_overlap") and options ("optimizer.momentum") that have no effect, given the
  /// others: left out of the identity. Called once for each distinct setting of the knobs, with
  /// their canonical JSON.
  std::function<std::vector<std::string>(std::string_view knobs)> without_effect;
  /// What cannot be: a network that cannot take the size, classes that the data lacks ... Empty
  /// when the trial can run, otherwise the error text. Called as `without_effect` is, and only
  /// where every name is known.
  std::function<std::string(std::string_view knobs)> refuse;
  /// Digest of a file (absolute path); nullopt where it does not exist. Called once for each.
  std::function<std::optional<std::string>(const std::string& path)> data_digest;
  /// The file (absolute path) that "trial:NAME" or "last" means in a study that needs the studies
  /// `needs`; nullopt where no such trial is finished. Throws std::invalid_argument where several
  /// are meant.
  std::function<std::optional<std::string>(const std::string& text,
                                           const std::vector<std::filesystem::path>& needs)>
      trial_weights;
};

}  // namespace medsweep::sweeps
