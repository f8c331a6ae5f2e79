#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "results/index.h"

namespace medsweep::results {

/// A trial as its study plans it, whether or not it ever ran.
struct PlannedTrial {
  std::string identity, name = {};
  std::int64_t seed = 0;
  std::int64_t fold = -1;                                        ///< -1: no folds
  std::vector<std::pair<std::string, std::string>> labels = {};  ///< axis -> label, in order
  std::string knobs = "{}";                                      ///< canonical JSON
};

enum class TableLayout {
  kSeeds,  ///< "seeds": mean and spread over seeds and folds
  kCases,  ///< "cases": mean, smallest and largest over the cases
};

/// One `[[table]]` of a study. A key is an axis, another knob, or one of `class`, `split` and
/// `evaluate` (the data set a trial was evaluated on, in `where` only).
struct TableSpec {
  using Condition = std::pair<std::string, std::vector<std::string>>;  ///< key is any of these

  std::string caption = {};
  std::vector<Condition> where = {};
  std::vector<std::string> rows = {}, columns = {}, for_each = {}, metrics = {};
  std::vector<Condition> baseline = {};
  TableLayout layout = TableLayout::kSeeds;
};

/// From the JSON text of a `[[table]]`. `rows`, `columns`, `for_each` and `metrics` may be one name
/// or a list of them. Throws std::invalid_argument that names the key and the nearest known one.
TableSpec parse_table_spec(const std::string& json);

/// What a table takes where its study does not say: the model's main metrics, and which checkpoint
/// of which split its numbers are of.
struct TableDefaults {
  std::vector<std::string> metrics = {};
  std::string split = "test";
  std::string dataset = {};  ///< of that split, as `[evaluate] datasets` names it; empty: its own
  CheckpointChoice checkpoint = CheckpointChoice::kLast;
  std::string best = {};  ///< the metric of CheckpointChoice::kBest
};

/// The axes whose labels differ between the trials, in their order.
std::vector<std::string> varying_axes(const std::vector<PlannedTrial>& trials);

/// The label of an axis, or the text of another knob (its name where it has options; a nested one
/// by its dotted key); "" where the trial has none. `seed` and `fold` are keys, too.
std::string label_of(const PlannedTrial& trial, const std::string& key);

/// True when the trial meets every condition on axes and knobs.
bool meets(const PlannedTrial& trial, const std::vector<TableSpec::Condition>& conditions);

/// The allowed values of `key` in the conditions; empty where there is no such condition.
std::vector<std::string> condition_on(const std::string& key,
                                      const std::vector<TableSpec::Condition>& conditions);

}  // namespace medsweep::results
