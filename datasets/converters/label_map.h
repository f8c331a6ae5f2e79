#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace medsweep::datasets {

/// Which codes of a data set's label volumes are which class. Several codes may share one name:
/// they are merged. Code 0, and codes called "background", are the background.
class LabelMap {
 public:
  struct Entry {
    std::int64_t code = 0;
    std::string name;
  };
  /// What a code is that no entry names.
  enum class Others { kRefused, kBackground };

  /// Classes in the order of the entries. Throws std::invalid_argument for a code outside [0,
  /// 65535], one that has two names, no class at all, and more than 255.
  explicit LabelMap(std::vector<Entry> entries, Others others = Others::kRefused);

  /// Codes 1, 2, ... are these classes.
  static LabelMap consecutive(const std::vector<std::string>& classes);

  /// These classes in this order; the others become background. Throws std::invalid_argument for a
  /// name that the map does not have; it lists those that there are.
  LabelMap only(const std::vector<std::string>& classes) const;

  const std::vector<std::string>& classes() const { return classes_; }
  const std::vector<std::int64_t>& codes() const { return codes_; }  ///< each class's first

  /// Labels of a volume of codes of any integer type: uint8, 0 background, i = classes()[i - 1].
  /// Throws std::invalid_argument for a code that the map does not have: "[where] unknown label 7
  /// at x 3, y 2, z 1; ...". Any thread may call it.
  torch::Tensor labels_of(const torch::Tensor& codes, const std::string& where) const;

 private:
  std::string allowed() const;
  std::int16_t label_called(const Entry& entry);  // a new class where the name is new

  std::vector<std::string> classes_;
  std::vector<std::int64_t> codes_;
  std::vector<Entry> entries_;
  std::vector<std::int16_t> labels_;  // of each code; -1: unknown
  Others others_;
};

/// Reads a label map:
/// - .csv with the columns `code` and `name` (or `label`, `index`, `number`, `id`, `value` and
///   `class`, `structure`, `region`),
/// - .xml as the MICCAI 2012 challenge (MALC) has it, <Label><Name>..</Name><Number>..</Number>,
/// - else lines `code name`, a colour table's numbers behind them left alone (FreeSurfer's
///   LUT); `#` begins a comment; a name in quotes may have blanks.
/// A line `*  background` makes all other codes background. Blanks and other characters that cannot
/// stand in a class's name become '_'.
/// Throws std::invalid_argument "[file, line N] ..." for what is none of that, std::runtime_error
/// for a file that cannot be read.
LabelMap read_label_map(const std::filesystem::path& path);

}  // namespace medsweep::datasets
