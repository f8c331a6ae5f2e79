#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/index.h"
#include "results/table_spec.h"

namespace medsweep::results {

/// The numbers behind one field of a table, and the trials that they come from.
///
/// A trial's number is the mean over its cases for each class, then over the classes; undefined
/// cases are left out and counted. Layout "seeds": `mean` and `spread` (sample standard deviation)
/// are over the numbers of the finished trials, each seed and fold one. Layout "cases": each case
/// is first averaged over the finished trials; `mean`, `smallest` and `largest` are over the cases.
struct Cell {
  std::optional<double> mean = {}, spread = {}, smallest = {}, largest = {};
  std::int64_t cases = 0;             ///< distinct cases with a defined value
  std::int64_t undefined = 0;         ///< values that are null
  std::int64_t seeds = 0, folds = 0;  ///< distinct, of the finished trials; folds 0: none used
  /// How many of the planned trials are in which state; all zero: the study has no such trial.
  std::int64_t planned = 0, running = 0, stopped = 0, failed = 0, done = 0;
  std::string failure = {};              ///< class of a failed trial
  std::vector<std::string> trials = {};  ///< identities, in the order of the plan

  std::int64_t all() const { return planned + running + stopped + failed + done; }
};

struct TableRow {
  std::vector<std::string> labels = {};
  bool is_baseline = false;
  std::vector<Cell> cells = {};
};

struct TableColumn {
  std::vector<std::string> labels = {};  ///< of the spec's columns
  std::string metric = {};
};

struct Table {
  std::string caption = {};
  std::string split = {};
  TableLayout layout = TableLayout::kSeeds;
  std::vector<std::string> row_keys = {}, column_keys = {};
  std::vector<TableColumn> columns = {};
  std::vector<TableRow> rows = {};
  std::vector<std::string> remarks = {};  ///< of the study, said under the table
};

/// Number and spread of one finished trial's values of one metric; nothing where all are undefined.
std::optional<double> mean_over_cases_and_classes(const std::vector<Value>& values);

/// One table for each value of `for_each`, in the order of the trials. Combinations without a
/// planned trial stay as empty cells.
/// Throws std::invalid_argument where a key of the spec is none of any trial, nothing meets
/// `where`, or there is no metric.
std::vector<Table> make_tables(const TableSpec& spec, const TableDefaults& defaults,
                               const std::vector<PlannedTrial>& trials, const Index& index);

}  // namespace medsweep::results
