#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "results/index.h"

namespace medsweep::results {

/// What a clean-up would do; `carry_out` does it. To list is the dry run.
struct CleanUp {
  struct Item {
    std::filesystem::path path;
    std::int64_t bytes = 0;
    std::string why = {};
  };
  std::vector<Item> remove = {};  ///< files and folders that go
  std::vector<Item> keep = {};    ///< what would go, but is needed; `why` says by whom
  /// Trials that count as never trained afterwards: for a `removed` record each.
  std::vector<std::string> trials = {};
};

/// A study as the runs folders hold it: the first of them is the one that is cleaned up.
struct Housekeeping {
  std::vector<std::filesystem::path> runs_folders;
  std::string study;
};

/// Removes a whole study, journals included. Throws std::invalid_argument where there is none, or
/// where another study cites it or one of its trials, naming both, or where a trial is running
/// (and was heard of in the last ten minutes).
CleanUp plan_remove_study(const Housekeeping& where, const Index& index);

/// Removes the folders of the trials with this identity or name. Throws std::invalid_argument for
/// an unknown trial (naming the nearest), where another study cites it, or where it is running.
CleanUp plan_remove_trial(const Housekeeping& where, const Index& index, const std::string& trial);

/// Removes what nobody needs: of a finished trial, the checkpoints that are neither its newest nor
/// the newest best of a metric; claims and `.tmp` files and folders older than `stale_after`.
/// Keeps every checkpoint of a trial that another study cites, and of one that is not finished.
CleanUp plan_collect(const Housekeeping& where, const Index& index,
                     std::chrono::seconds stale_after = std::chrono::hours(1));

/// The list as text: path, size and reason a line, what is kept, the total.
std::string clean_up_text(const CleanUp& clean_up);

/// Removes what is listed. Removed trials are said in a journal first, so that a crash in between
/// leaves no trial that counts as done and has no files. Throws std::runtime_error.
void carry_out(const CleanUp& clean_up, const Housekeeping& where);

/// Packs the frozen study, its journals, and each trial's log, pictures, newest and best
/// checkpoints into one `.tar.gz` with the system's tar, reads it back and compares. Nothing is
/// removed. Throws std::invalid_argument where the study or its folder is missing or `output`
/// exists, std::runtime_error where tar fails; no half-written archive stays.
void archive(const Housekeeping& where, const Index& index, const std::filesystem::path& output);

}  // namespace medsweep::results
