#pragma once

#include <string>
#include <string_view>

#include "sweeps/value.h"

namespace medsweep::sweeps {

/// What canonical_json wrote: JSON without null. `where` is what error texts call it.
/// Throws std::invalid_argument "[where] not JSON at byte 12" for anything else.
Value parse_json(std::string_view text, const std::string& where);

}  // namespace medsweep::sweeps
