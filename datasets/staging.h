#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace medsweep::datasets {

/// Where a data file is to be read from, and what a person should know about it.
struct Staged {
  std::filesystem::path path;
  std::string note{};  ///< "copied to /tmp/...", or why it was not; may be empty
};

/// One verified copy of a data file on this node's own disk, for all its processes.
///
///   off   the file itself
///   DIR   a copy in this folder, which is made where it is missing
///   auto  a copy in SLURM_TMPDIR, TMPDIR or /tmp where the file lies on a network's file system
///   and
///         the folder on a disk of this node with room for it; else the file itself
///
/// The first process that asks copies (others wait for it), reads the copy back, compares, and
/// renames it; it removes the copy when it ends. A copy left behind by a process that was killed is
/// used, and removed by who found it. A file that was changed since is copied anew. Where the copy
/// fails, the disk being full, the file itself is used and the note says so.
///
/// Any thread may call it. Throws std::invalid_argument for a file that does not exist and for an
/// empty `stage`.
Staged stage_file(const std::filesystem::path& file, std::string_view stage);

/// Removes the copies that this process made; also done when it ends.
void remove_staged_files();

}  // namespace medsweep::datasets
