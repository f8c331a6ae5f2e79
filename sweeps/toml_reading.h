#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "sweeps/value.h"

namespace medsweep::sweeps {

/// TOML text as a table, its members in the order of the text (also where a table is continued
/// further down), each with its place.
/// Throws std::invalid_argument "file:line:column: ..." for what is not TOML and for dates.
Value parse_toml(std::string_view text, SourceFile file);

/// A file's table; error texts call it by its name without folders. `depth` as SourceFile's.
/// Throws as parse_toml; std::runtime_error where it cannot be read.
Value read_toml(const std::filesystem::path& path, std::int64_t depth = 0);

/// The value of `key=value` on a command line: TOML where it is, otherwise a bare string.
/// `where` is what error texts call its place: "--set epochs".
Value parse_bare_value(std::string_view text, std::string_view where);

}  // namespace medsweep::sweeps
