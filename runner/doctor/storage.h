#pragma once

#include <filesystem>
#include <optional>

#include "runner/distributed/communicator.h"

namespace medsweep::runner {

/// What a folder that all ranks share does. Times are medians over the rounds, in milliseconds.
struct StorageFacts {
  std::filesystem::path folder;
  int rounds = 0;
  double fsync_ms = 0;   ///< of 4 KiB appended by rank 0
  int exclusive = 0;     ///< rounds in which exactly one rank made a file with O_EXCL
  double rename_ms = 0;  ///< of a file over another one
  int reads = 0;         ///< of a file that is being replaced
  int whole_reads = 0;   ///< of these, how many saw one whole version
  /// The longest time from rank 0's append to the last rank that sees it; none: not within 30 s.
  std::optional<double> append_visible_ms;
};

/// Measures in a folder of its own in `folder` and removes it. Collective; the same facts on every
/// rank. One rank stands for reader and writer at once.
/// Throws std::invalid_argument where `folder` is no folder, std::runtime_error where it cannot be
/// written.
StorageFacts measure_storage(Communicator& world, const std::filesystem::path& folder);

}  // namespace medsweep::runner
