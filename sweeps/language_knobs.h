#pragma once

#include <span>

#include "sweeps/schema.h"

namespace medsweep::sweeps {

/// The knobs that every study has whatever the schema: seed, fold, split, evaluate, early_stop.
std::span<const Knob> language_knobs();

}  // namespace medsweep::sweeps
