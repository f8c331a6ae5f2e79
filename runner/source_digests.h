#pragma once

#include <map>
#include <string>

namespace medsweep::runner {

/// File pair without ending -> digest of its sources and of all they include, made when this
/// binary was built; see sweeps/source_digests.h.
const std::map<std::string, std::string>& source_digests();

}  // namespace medsweep::runner
