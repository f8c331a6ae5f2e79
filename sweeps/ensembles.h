#pragma once

#include <vector>

#include "sweeps/problems.h"
#include "sweeps/schema.h"
#include "sweeps/study.h"
#include "sweeps/value.h"

namespace medsweep::sweeps {

/// The [[ensemble]]s of a study's document. What is wrong with them are problems: an unknown key,
/// method or `over`, a name that is missing or there twice, votes below 0 or of another method.
std::vector<Ensemble> read_ensembles(const Value& document, const Schema& schema,
                                     Findings& findings);

}  // namespace medsweep::sweeps
