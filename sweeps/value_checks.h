#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sweeps/problems.h"
#include "sweeps/schema.h"
#include "sweeps/value.h"

namespace medsweep::sweeps {

/// A value that fits its knob.
struct CheckedValue {
  Value full;                        ///< in the form of Trial::knobs, defaults included
  std::vector<std::string> names;    ///< of the rows it uses
  std::vector<std::string> labels;   ///< short labels of the rows, or the files' names
  std::vector<std::string> sources;  ///< the file pairs behind the rows
  std::vector<Member> brings;        ///< other knobs, in the table of a data set
  bool known = true;                 ///< false: holds a name that this version does not know
  bool pending = false;              ///< true: a file that it names is not there
};

/// Checks values against the schema: type, range, table, options; resolves files and their
/// digests. What does not fit goes into the findings; the value then stands as it was written.
/// In `key` stands "optimizer", or "optimizer.momentum" for an option: kinds are looked up by it.
class ValueChecker {
 public:
  /// folder: of the study; needs: the studies that it needs.
  ValueChecker(const Schema& schema, std::filesystem::path folder,
               const std::vector<std::filesystem::path>& needs, Findings& findings)
      : schema_(schema), folder_(std::move(folder)), needs_(needs), findings_(findings) {}

  CheckedValue check(const Knob& knob, const std::string& key, const Value& value);

  /// The option of that name of any row of the knob's kind, or of its own options; nullptr where
  /// there is none.
  const Knob* find_option(const Knob& knob, std::string_view option) const;
  /// Absolute path -> what stands for it in an identity, for every file seen.
  const std::map<std::string, std::string>& file_digests() const { return file_digests_; }

 private:
  Value check_one(CheckedValue& checked, const Knob& knob, const std::string& key,
                  const Value& value);
  Value check_list(CheckedValue& checked, const Knob& element, const std::string& key,
                   const Value& value);
  Value check_number(const Knob& knob, const std::string& key, const Value& value);
  Value check_word(const Knob& knob, const std::string& key, const Value& value);
  /// The words of the language's own knobs: which checkpoint, how often, which metric.
  void check_own_word(const std::string& key, const Value& value);
  Value check_file(CheckedValue& checked, const std::string& key, const Value& value);
  /// `text`: as in Schema::trial_weights -> the path it means, or itself where there is none yet.
  std::string find_trial(const std::string& key, const std::string& text, const Value& value);
  Value check_samples(const std::string& key, const Value& value);
  Value check_name(CheckedValue& checked, const Knob& knob, const std::string& key,
                   const Value& value);
  Value check_row_options(CheckedValue& checked, const Kind& kind, const NamedRow& row,
                          std::span<const Knob> more, const std::string& key, const Value& value);
  const NamedRow* find_row(CheckedValue& checked, const Kind& kind, const Value& name);
  Value check_options(CheckedValue& checked, std::span<const Knob> options, const std::string& key,
                      const Value& value);
  Value check_dataset(CheckedValue& checked, const std::string& key, const Value& value);
  Value wrong_type(const std::string& key, const Value& value, std::string_view allowed);

  const Schema& schema_;
  std::filesystem::path folder_;
  const std::vector<std::filesystem::path>& needs_;
  Findings& findings_;
  std::map<std::string, std::string> file_digests_;
  std::map<std::string_view, Value> defaults_;  ///< by their TOML text
};

}  // namespace medsweep::sweeps
