#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sweeps/axes.h"
#include "sweeps/condition.h"

namespace medsweep::sweeps {

/// [axes] and [zip], or one [[union]].
struct Grid {
  std::string where;  ///< "axes", "union"
  State base;         ///< before its axes
  std::vector<Axis> axes;
  std::vector<Condition> excludes;    ///< its own
  std::vector<KnobPath> trial_knobs;  ///< set by the union's own `trial`
};

/// A [[when]].
struct When {
  Condition match;
  std::vector<Assignment> set;
};

/// What the trials are made of.
struct Plan {
  std::vector<Grid> grids;
  std::vector<When> whens;
  std::vector<Condition> excludes, requires_;
  std::vector<Assignment> forced;            ///< --set: before the axes and after all else
  std::vector<const Setting*> seeds, folds;  ///< empty: as the state says
};

/// A trial before it has its name and identity.
struct Draft {
  State state;
  const Grid* grid;
  std::vector<std::size_t> rows;  ///< which value of each axis
};

struct Expansion {
  std::vector<Draft> drafts;
  std::vector<std::pair<Draft, std::string>> excluded;  ///< with the reason
};

/// The product of each grid in the order of its axes, the last one fastest, then seeds, then
/// folds. [[when]]s in their order after the axes, then excludes. A [[require]] that no trial
/// matches is a problem. The plan must outlive the expansion.
Expansion expand(const Plan& plan, SettingBook& book, Findings& findings);

}  // namespace medsweep::sweeps
