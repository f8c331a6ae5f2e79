#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "results/index.h"

namespace medsweep::runner {

/// A page of Markdown that shows what studies trained: of each the command that makes it again, its
/// tables, and for every finished trial its network and the SHA-256 of the weights that it was
/// evaluated with. `studies`: files or names, as for `runner table`.
/// Throws std::invalid_argument for a study that is not there.
std::string model_zoo(const std::vector<std::string>& studies,
                      const std::vector<std::filesystem::path>& runs, const results::Index& index);

}  // namespace medsweep::runner
