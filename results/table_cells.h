#pragma once

#include <map>
#include <string>
#include <vector>

#include "results/index.h"
#include "results/table.h"
#include "results/table_spec.h"

namespace medsweep::results {

/// Makes the cells of one table. Reads the finished trials' values once.
class CellMaker {
 public:
  /// `spec` must outlive it.
  CellMaker(const TableSpec& spec, const std::vector<PlannedTrial>& trials, const Index& index,
            const ValueQuery& query);

  /// `allowed`, or where it is empty the classes that have values, sorted; {""} where none has.
  std::vector<std::string> classes(const std::vector<std::string>& allowed) const;

  /// The cell of these trials; `classes` empty: all of them.
  Cell make(const std::vector<PlannedTrial>& trials, const std::string& metric,
            const std::vector<std::string>& classes) const;

 private:
  struct Behind;
  void add(const PlannedTrial& trial, const std::string& metric,
           const std::vector<std::string>& classes, Cell& cell, Behind& behind) const;

  const TableSpec& spec_;
  std::map<std::string, TrialProgress> progress_;
  std::map<std::string, std::vector<Value>> values_;
};

}  // namespace medsweep::results
