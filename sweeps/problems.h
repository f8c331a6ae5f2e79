#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sweeps/study.h"
#include "sweeps/value.h"

namespace medsweep::sweeps {

/// Texts with their places, in the order of their finding; the same text is kept once.
class Problems {
 public:
  void add(std::string text);
  /// "acdc.toml:12:5: what"
  template <typename... Arguments>
  void add(const Position& at, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    add(fmt::format("{}: {}", at.text(),
                    fmt::format(format, std::forward<Arguments>(arguments)...)));
  }

  bool empty() const { return texts_.empty(); }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_;
};

/// What was found while a study was read, collected so that a person sees all of it at once.
struct Findings {
  UnknownNames unknown_names = UnknownNames::kRefuse;
  Problems problems;
  Problems unknown;  ///< see Study::unknown
  Problems missing;  ///< see Study::missing
  Problems notes;    ///< see Study::notes

  /// Where a name goes that this version does not know: `unknown` or `problems`.
  Problems& of_unknown_names() {
    return unknown_names == UnknownNames::kCollect ? unknown : problems;
  }
};

/// "; did you mean 'se'?", or nothing where none is known.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

/// A problem for every member of `table` whose key is not in `known`.
void check_keys(const Table& table, std::string_view where, std::span<const std::string_view> known,
                Problems& problems);

}  // namespace medsweep::sweeps
