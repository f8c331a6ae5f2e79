#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sweeps/problems.h"
#include "sweeps/schema.h"
#include "sweeps/value_checks.h"

namespace medsweep::sweeps {

/// A knob with one of its values, checked; shared by all the trials that have it.
struct Setting {
  std::size_t knob;           ///< index in the book
  Value given;                ///< as written; defined names resolved
  std::string defined;        ///< its name in [define.<knob>]; empty: none
  std::string label;          ///< what tables show
  std::string json;           ///< canonical, defaults included
  std::string identity_json;  ///< the same with digests for files
  CheckedValue checked;
  std::vector<const Setting*> brings;  ///< other knobs, in the table of a data set

  /// Canonical JSON of an option; empty where the row has none of that name.
  std::string option_json(std::string_view option) const;
  /// Of an option whose values are rows of a table; else empty.
  std::string option_name(std::string_view option) const;
  /// nullptr where the row has none of that name.
  const Value* option(std::string_view name) const;
};

/// "optimizer.momentum" -> the knob and the option; the option is empty for a knob.
struct KnobPath {
  std::size_t knob;
  std::string option;

  bool operator==(const KnobPath&) const = default;
};

/// The knobs of a study: the schema's, the language's own, and (UnknownNames::kCollect) those that
/// this version does not know. Makes each setting once: a trial is a list of pointers to them,
/// which live as long as the book.
class SettingBook {
 public:
  /// `defines`: the table `define`, or nullptr. `folder`: what relative paths start from.
  SettingBook(const Schema& schema, const Table* defines, const std::filesystem::path& folder,
              const std::vector<std::filesystem::path>& needs, Findings& findings);

  std::size_t size() const { return knobs_.size(); }
  const Knob& knob(std::size_t index) const { return knobs_[index]; }
  std::optional<std::size_t> find(std::string_view key) const;
  /// Finds "knob" or "knob.option"; nullopt (and a finding) for an unknown one. `where`: "trial".
  std::optional<KnobPath> find_path(const Member& member, std::string_view where);

  /// Keeps a value as long as the book: settings are made of values that stay where they are.
  const Value& keep(Value value) { return kept_.emplace_back(std::move(value)); }
  /// The value, or the defined value of that name. `value` must outlive the book, see `keep`.
  const Setting* make(std::size_t knob, const Value& value);
  /// `base` with one option set; `base` may be nullptr (a finding). As above.
  const Setting* with_option(const Setting* base, const KnobPath& path, const Value& value);
  /// nullptr where the knob has no default.
  const Setting* standard(std::size_t knob);

  /// True when [define.<knob>] has the name.
  bool is_defined(std::size_t knob, std::string_view name) const;

 private:
  const Setting* store(std::size_t knob, Value given, std::string defined);
  const Value* defined_value(std::size_t knob, const Value& value) const;
  void check_defines(const Table& defines);

  const Schema& schema_;
  Findings& findings_;
  ValueChecker checker_;
  std::deque<Knob> knobs_;
  std::deque<std::string> unknown_keys_;
  std::map<std::string, const Table*, std::less<>> defines_;
  std::deque<Setting> settings_;
  std::deque<Value> kept_;
  std::map<std::pair<std::size_t, const Value*>, const Setting*> made_;
  std::map<std::tuple<const Setting*, std::string, const Value*>, const Setting*> with_option_;
  std::map<std::size_t, const Setting*> standard_;
};

/// What a table shows for a value: a defined name, short labels of rows, "64x128", "0.005".
std::string label_of(const Knob& knob, const CheckedValue& checked);
std::string label_of(const Value& value);

}  // namespace medsweep::sweeps
