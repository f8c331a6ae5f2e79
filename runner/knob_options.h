#pragma once

#include <span>
#include <string_view>

#include "sweeps/schema.h"

namespace medsweep::runner {

/// The options that a row understands, `{ name = "sgd", momentum = 0.9 }`: those of row `row` of
/// the kind `kind`. None for rows without options.
std::span<const sweeps::Knob> options_of(std::string_view kind, std::string_view row);

}  // namespace medsweep::runner
