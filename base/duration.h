#pragma once

#include <string>

namespace medsweep {

/// The two largest units of a time span: "45 s", "1 min 00 s", "2 h 05 min", "3 d 4 h"; below zero
/// "0 s", "unknown" for what is not finite.
std::string duration_text(double seconds);

}  // namespace medsweep
