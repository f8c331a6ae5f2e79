#pragma once

#include <filesystem>
#include <string_view>

#include "sweeps/value.h"

namespace medsweep::sweeps {

/// A study's file merged over the files that it extends, `extends` itself removed. Members of the
/// extended file come first; tables merge deeply; of anything else the extending file's wins.
/// A path in `extends` is relative to the file that holds it.
/// Throws std::invalid_argument for a circle, for what is not TOML, and for a missing file.
Value read_document(const std::filesystem::path& path);

/// `over` merged into `base`, as above.
void merge_deeply(Table& base, const Table& over);

}  // namespace medsweep::sweeps
