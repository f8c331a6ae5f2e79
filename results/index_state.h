#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "results/index.h"

namespace medsweep::results {

class IndexIngest;

/// What an Index holds; shared by index.cpp (filling) and index_queries.cpp (asking) only.
struct Index::State {
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  /// Puts the file back into the cache, or removes it where it is not whole.
  ~State();

  void open();
  void start_anew();
  /// False when a journal that was read shrank or vanished.
  bool agrees_with_journals() const;
  void read_journal(const std::filesystem::path& path, IndexIngest& ingest);

  std::vector<std::filesystem::path> folders;
  std::filesystem::path cached;  ///< where the next reader looks
  std::filesystem::path own;     ///< where the file is now
  std::unique_ptr<SQLite::Database> database;
  RefreshReport report;
  bool made_now = false;  ///< since the last refresh
  bool whole = false;     ///< no transaction broke off within it
};

}  // namespace medsweep::results
