#pragma once

#include <map>
#include <string>

namespace medsweep::runner {

/// "medsweep", "torch", "mpi", "hdf5", "compiler" -> version.
std::map<std::string, std::string> versions();

/// "medsweep 0.1.0 (torch 2.11.0, ...)", for --version.
std::string version_text();

}  // namespace medsweep::runner
