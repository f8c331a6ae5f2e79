#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sweeps/expansion.h"

namespace medsweep::sweeps {

/// What a study's trials are called: the short labels of what varies, in the order of the axes
/// (those of the grids one after another, then what a union's own `trial` sets), then seed and
/// fold where they vary. The label "none" is left out of a name that has other parts.
class Naming {
 public:
  /// `mentioned`: further knobs that `labels` shows, with how they are called.
  /// Looks at all drafts to see what varies; does not keep them.
  Naming(const Expansion& expansion, const Plan& plan,
         const std::vector<std::pair<std::string, KnobPath>>& mentioned, SettingBook& book);

  /// Names of trials that differ, one for each draft; no two are the same.
  std::vector<std::string> names(const std::vector<Draft>& drafts) const;
  /// The name without what tells it from trials that would be called the same.
  std::string name(const Draft& draft) const { return stem(draft) + repeat(draft); }
  /// As Trial::labels.
  std::vector<std::pair<std::string, std::string>> labels(const Draft& draft) const;
  /// What tables show for a knob of a trial; empty where its row has no such option.
  std::string label(const Draft& draft, const KnobPath& path) const;
  /// The knobs that vary, as the axes call them; without seed and fold.
  std::vector<std::string> varying() const;

 private:
  struct Key {
    std::string text;
    KnobPath path;
  };
  std::string stem(const Draft& draft) const;
  std::string repeat(const Draft& draft) const;
  std::string part(const Draft& draft, const Key& key) const;
  std::string difference(const std::vector<const Draft*>& alike, const Draft& draft) const;

  SettingBook& book_;
  std::vector<Key> varying_, mentioned_, repeats_;
};

}  // namespace medsweep::sweeps
