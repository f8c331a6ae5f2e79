#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <thread>

#include "base/files.h"

namespace medsweep::results {

/// A record in the order of its members: one line of a journal. record.h makes them.
using Record = nlohmann::ordered_json;

/// The line of `record`, with its line end: `time` and, last, the checksum are added (FORMAT.md).
/// Numbers that are not finite become null, bytes that are not UTF-8 the replacement character.
std::string journal_line(Record record, double time);

/// Seconds since 1970, in milliseconds' steps: the `time` of records.
double now_seconds();

/// An append-only file of records, of one writer: nobody else ever writes to it, so any number of
/// writers share a folder and need no lock. Thread-safe.
///
/// What `append` returned from is in the operating system's hands (it survives the process); it is
/// on the disk at most a second later, or when `sync` returns.
class Journal {
 public:
  /// Creates `<study_folder>/journal/<job>-<start>-<random>.jsonl`, and the folders above it.
  /// Throws std::runtime_error that names the file.
  Journal(const std::filesystem::path& study_folder, const std::string& job);
  /// Flushes what is left to the disk. Call `sync` before to learn whether it came there.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Throws std::runtime_error that names the file when the disk is full or gone. The record is
  /// then lost, the journal stays usable: a torn line never merges with the next record.
  void append(const Record& record);
  /// Many records in one write. On an error some of them may be there; giving all of them again
  /// does no harm, since a later record replaces an equal one.
  void append_all(std::span<const Record> records);

  /// Waits until everything appended so far is on the disk. Throws std::runtime_error.
  void sync();

  const std::filesystem::path& path() const { return path_; }

 private:
  void create(const std::filesystem::path& folder, const std::string& job);
  void write_all(std::string_view bytes);
  void flush_in_background();

  std::filesystem::path path_;
  FileDescriptor file_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool torn_ = false;   ///< the last write broke off within a line
  bool dirty_ = false;  ///< something is not yet on the disk
  bool ending_ = false;
  std::string failure_;  ///< of the background flush, thrown by the next call
  std::thread flusher_;
};

}  // namespace medsweep::results
