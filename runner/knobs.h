#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "sweeps/schema.h"

namespace medsweep::runner {

/// Everything the study language may say about a trial: this build's tables, rules and source
/// digests.
sweeps::Schema make_schema();

/// The knobs of a trial, in the order of `runner list knobs`.
std::span<const sweeps::Knob> trial_knobs();

/// What a row is beside its sentence: `role`, `module`.
struct RowFact {
  std::string_view key;
  std::string value;
};

/// A kind for `runner list KIND`.
struct ListedKind {
  std::string_view name;  ///< of a literal: schemas keep it
  std::string_view sentence;
  std::vector<Row> rows;
  std::vector<RowFact> (*facts)(std::string_view row) = nullptr;  ///< none: null
};

/// All kinds, in the order of `runner list`.
std::vector<ListedKind> listed_kinds();

}  // namespace medsweep::runner
