#pragma once

#include <string_view>
#include <vector>

#include "sweeps/expansion.h"
#include "sweeps/study.h"

namespace medsweep::sweeps {

/// A study's tables, read into the plan of its trials. What is wrong becomes a finding.
class PlanReader {
 public:
  /// `document`: as read_document gives it, with `set` (StudyOptions::set) not yet applied.
  PlanReader(const Value& document, const std::vector<Member>& set, SettingBook& book,
             Findings& findings);

  Plan read();

 private:
  const Value* table(std::string_view key);
  std::vector<const Value*> tables(const Value& parent, std::string_view key);
  State base_state(const std::vector<Assignment>& trial);
  void read_union(const Value& table, const std::vector<Assignment>& trial, Plan& plan);
  void read_whens(Plan& plan);
  void read_conditions(const Value& parent, std::string_view key, std::vector<Condition>& out);
  void read_search(State& base);
  void read_repeat(Plan& plan);
  void read_folds(const Value& folds, Plan& plan);
  std::vector<std::int64_t> integers(const Value& list, std::string_view where);
  const Setting* setting(std::string_view knob, std::int64_t value, const Position& at);

  const Value& document_;
  SettingBook& book_;
  Findings& findings_;
  std::vector<Assignment> forced_;
};

/// Problems for top-level tables that are unknown or come in a later version.
void check_tables(const Table& document, Findings& findings);

}  // namespace medsweep::sweeps
