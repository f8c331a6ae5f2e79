#pragma once

#include <string>

namespace medsweep {

/// This machine's name, as `hostname` prints it. Throws std::runtime_error.
std::string host_name();

}  // namespace medsweep
