#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace medsweep::sweeps {

/// File pair without ending ("models/segmentation/unet") -> 64 hexadecimal digits over the text of
/// the pair (.h, .inl, .cpp) and of every pair that it includes, directly or not, in the folders
/// base, sweeps, datasets, models and runner under `root`.
///
/// A table of a kind (a .cpp that holds `std::array` of `Entry<...>`) includes every row, and what
/// includes the table's header uses one of them: such a header counts, its .cpp does not. The rows
/// that a trial uses are named by the trial itself. The table's own digest is of its whole closure.
/// Comments count; the order of reading does not. Throws std::runtime_error for what cannot be
/// read.
std::map<std::string, std::string> source_digests(const std::filesystem::path& root);

}  // namespace medsweep::sweeps
