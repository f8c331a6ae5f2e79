#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sweeps/condition.h"

namespace medsweep::sweeps {

/// A knob that varies.
struct AxisKey {
  std::string key;
  Position at;
  KnobPath path;
  std::vector<const Value*> values;
  std::vector<std::string> labels;  ///< of `values`, different where the values are
};

/// One dimension of a grid: a knob, or several that advance together ([zip]).
struct Axis {
  std::vector<AxisKey> keys;  ///< with equally many values
  std::size_t size() const { return keys.front().values.size(); }
};

/// The keys of [axes] and [zip] in the order of the files, that of an extended file first; the
/// whole of [zip] stands where its first key does. `axes` and `zip` may be nullptr. A key of
/// `forced` (--set) is left out. Empty, unequally long or repeated axes are problems.
std::vector<Axis> read_axes(const Value* axes, const Value* zip,
                            const std::vector<Assignment>& forced, std::string_view where,
                            SettingBook& book, Findings& findings);

}  // namespace medsweep::sweeps
