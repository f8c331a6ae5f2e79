#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sweeps/expansion.h"
#include "sweeps/naming.h"

namespace medsweep::sweeps {

/// The [[table]]s of a study.
class TableSpecifications {
 public:
  /// `tables`: the value of `table`, or nullptr. Problems with keys and names are findings.
  TableSpecifications(const Value* tables, const Schema& schema, SettingBook& book,
                      Findings& findings);

  /// The knobs that the tables speak of, as they call them.
  const std::vector<std::pair<std::string, KnobPath>>& mentioned() const { return mentioned_; }
  /// As Study::tables. Values of `where` and `baseline` that no trial has are problems.
  std::vector<std::string> json(const std::vector<Draft>& drafts, const Naming& naming);

 private:
  void check(const Value& table);
  void check_knob_list(const std::string& where, Value& list);
  void check_metrics(const Value& metrics);
  /// False for what is no knob but of the results: class, metric ...
  bool mention(const Member& member);
  Value labels_of(const Member& member, const std::vector<Draft>& drafts, const Naming& naming);

  const Schema& schema_;
  SettingBook& book_;
  Findings& findings_;
  std::vector<Value> tables_;
  std::vector<std::pair<std::string, KnobPath>> mentioned_;
};

}  // namespace medsweep::sweeps
