#include "results/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "base/catalog.h"
#include "results/table_cells.h"

namespace medsweep::results {
namespace {

using Key = std::vector<std::string>;
using Trials = std::vector<PlannedTrial>;

// The labels of a trial; `class` stays open, it is of the values.
Key key_of(const PlannedTrial& trial, const std::vector<std::string>& names,
           const std::string& class_name) {
  Key key;
  for (const std::string& name : names)
    key.push_back(name == "class" ? class_name : label_of(trial, name));
  return key;
}

std::vector<Key> distinct_keys(const Trials& trials, const std::vector<std::string>& names,
                               const std::vector<std::string>& classes) {
  std::vector<Key> keys;
  const bool by_class = std::ranges::find(names, "class") != names.end();
  for (const PlannedTrial& trial : trials)
    for (const std::string& class_name : by_class ? classes : std::vector<std::string>{""}) {
      Key key = key_of(trial, names, class_name);
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(std::move(key));
    }
  return keys;
}

// The class that a row and a column stand for; empty: no class is asked for.
std::string class_in(const std::vector<std::string>& names, const Key& key) {
  const auto at = std::ranges::find(names, "class");
  return at == names.end() ? "" : key[static_cast<std::size_t>(at - names.begin())];
}

void check_keys(const TableSpec& spec, const Trials& trials) {
  std::vector<std::string> used;
  for (const auto* names : {&spec.rows, &spec.columns, &spec.for_each})
    used.insert(used.end(), names->begin(), names->end());
  for (const auto* conditions : {&spec.where, &spec.baseline})
    for (const auto& condition : *conditions) used.push_back(condition.first);
  std::vector<std::string_view> known{"class", "split", "evaluate", "seed", "fold"};
  for (const PlannedTrial& trial : trials)
    for (const auto& [axis, label] : trial.labels)
      if (std::ranges::find(known, axis) == known.end()) known.push_back(axis);
  for (const std::string& key : used) {
    const bool is_known =
        std::ranges::find(known, key) != known.end() ||
        std::ranges::any_of(trials, [&](auto& trial) { return !label_of(trial, key).empty(); });
    if (!is_known) throw std::invalid_argument(unknown_name("table", key, known));
  }
}

// The split of the defaults where some trial has values of it, else "validation".
std::string chosen_split(const TableSpec& spec, const TableDefaults& defaults, const Trials& trials,
                         const Index& index) {
  if (const auto splits = condition_on("split", spec.where); !splits.empty()) return splits.front();
  for (const std::string& split : {defaults.split, std::string("validation")})
    if (std::ranges::any_of(trials,
                            [&](auto& trial) { return index.has_values(trial.identity, split); }))
      return split;
  return defaults.split;
}

ValueQuery query_of(const TableSpec& spec, const TableDefaults& defaults, std::string split) {
  ValueQuery query{std::move(split), "", spec.metrics, defaults.checkpoint, defaults.best};
  if (const auto sets = condition_on("evaluate", spec.where); !sets.empty())
    query.dataset = sets.front();
  else if (query.split == defaults.split && condition_on("split", spec.where).empty())
    query.dataset = defaults.dataset;
  return query;
}

bool is_baseline(const TableSpec& spec, const Trials& of_row) {
  return !spec.baseline.empty() &&
         std::ranges::any_of(of_row, [&](auto& trial) { return meets(trial, spec.baseline); });
}

Table make_table(const TableSpec& spec, const Trials& trials, const CellMaker& maker) {
  Table table{spec.caption, "", spec.layout, spec.rows, spec.columns, {}, {}};
  const std::vector<std::string> allowed = condition_on("class", spec.where);
  const std::vector<std::string> classes = maker.classes(allowed);
  const std::vector<Key> column_keys = distinct_keys(trials, spec.columns, classes);
  for (const Key& key : column_keys)
    for (const std::string& metric : spec.metrics) table.columns.push_back({key, metric});
  for (const Key& row_key : distinct_keys(trials, spec.rows, classes)) {
    const std::string row_class = class_in(spec.rows, row_key);
    Trials of_row;
    std::ranges::copy_if(trials, std::back_inserter(of_row), [&](auto& trial) {
      return key_of(trial, spec.rows, row_class) == row_key;
    });
    TableRow row{row_key, is_baseline(spec, of_row), {}};
    for (const TableColumn& column : table.columns) {
      const std::string column_class = class_in(spec.columns, column.labels);
      Trials of_cell;
      std::ranges::copy_if(of_row, std::back_inserter(of_cell), [&](auto& trial) {
        return key_of(trial, spec.columns, column_class) == column.labels;
      });
      const std::string& one = row_class.empty() ? column_class : row_class;
      row.cells.push_back(
          maker.make(of_cell, column.metric, one.empty() ? allowed : std::vector{one}));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Rows and metrics that the study leaves open.
void complete(TableSpec& spec, const TableDefaults& defaults, const Trials& trials) {
  if (spec.metrics.empty()) spec.metrics = defaults.metrics;
  if (spec.metrics.empty())
    throw std::invalid_argument("[table.metrics] none given; at least one metric is needed");
  if (!spec.rows.empty()) return;
  for (const std::string& axis : varying_axes(trials))
    if (std::ranges::find(spec.columns, axis) == spec.columns.end() &&
        std::ranges::find(spec.for_each, axis) == spec.for_each.end())
      spec.rows.push_back(axis);
}

}  // namespace

std::vector<Table> make_tables(const TableSpec& given, const TableDefaults& defaults,
                               const std::vector<PlannedTrial>& trials, const Index& index) {
  check_keys(given, trials);
  Trials chosen;
  std::ranges::copy_if(trials, std::back_inserter(chosen),
                       [&](auto& trial) { return meets(trial, given.where); });
  if (chosen.empty())
    throw std::invalid_argument(
        fmt::format("[table.where] no trial of {} meets it; loosen a condition", trials.size()));
  TableSpec spec = given;
  complete(spec, defaults, chosen);
  const std::string split = chosen_split(spec, defaults, chosen, index);
  std::vector<Table> tables;
  for (const Key& key : distinct_keys(chosen, spec.for_each, {})) {
    Trials part;
    std::ranges::copy_if(chosen, std::back_inserter(part),
                         [&](auto& trial) { return key_of(trial, spec.for_each, "") == key; });
    Table table =
        make_table(spec, part, CellMaker(spec, part, index, query_of(spec, defaults, split)));
    table.split = split;
    for (std::size_t i = 0; i < key.size(); ++i)
      table.caption +=
          fmt::format("{}{} = {}", table.caption.empty() ? "" : "; ", spec.for_each[i], key[i]);
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace medsweep::results
