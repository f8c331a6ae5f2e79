#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sweeps/setting.h"

namespace medsweep::sweeps {

/// The settings of one trial, by the knob's index in the book; nullptr: not set, no default.
using State = std::vector<const Setting*>;

/// One key of a table, `"optimizer.momentum" = 0.9`, with its knob.
struct Assignment {
  std::string key;  ///< as a dotted path
  Position at;
  const Value* value;  ///< kept by the book
  KnobPath path;
};

/// A table's keys with their knobs, nested tables as dotted keys. A table that is a value itself
/// (a name with its options, a data set) stays whole when `whole_values`.
enum class Nesting { kWholeValues, kOptionsApart };
std::vector<Assignment> read_assignments(const Table& table, std::string_view where,
                                         Nesting nesting, SettingBook& book);

/// Applies assignments to a state: whole knobs first, then options. Data sets come first of all:
/// what else they hold gives way to the rest.
void apply(const std::vector<Assignment>& assignments, State& state, SettingBook& book);

/// An AND of keys, each with a value or a list of which any fits.
class Condition {
 public:
  /// Problems with its keys and values are findings.
  Condition(const Table& table, const Position& at, std::string_view where, SettingBook& book);

  bool matches(const State& state) const;
  const Position& at() const { return at_; }
  /// "model = vnet, attention = pe, ag"
  std::string text() const;

 private:
  struct Alternative {
    std::string name;  ///< a defined name or a row; empty: none
    bool defined;
    std::string json;  ///< canonical, of the whole value
  };
  struct Key {
    std::string text;
    KnobPath path;
    std::vector<Alternative> alternatives;
  };
  void add_key(const Assignment& assignment, SettingBook& book);

  Position at_;
  std::vector<Assignment> assignments_;
  std::vector<Key> keys_;
};

}  // namespace medsweep::sweeps
