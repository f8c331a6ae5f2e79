#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/files.h"
#include "datasets/data_file_writer.h"

namespace medsweep::datasets {

/// What a conversion has done so far, in a folder beside its output: items already converted and
/// compressed, each under a key that says what it was made of. A record that was cut off by a kill
/// is dropped when the folder is opened again.
///
/// One process at a time; `append` may be called from several threads.
class PartialFile {
 public:
  /// Opens or creates the folder. Throws std::runtime_error where another process has it open, and
  /// for what the disk does.
  explicit PartialFile(const std::filesystem::path& folder);

  bool has(const std::string& key) const;
  /// Throws std::runtime_error, the disk being full; what was there before stays readable.
  void append(const std::string& key, const std::vector<EncodedSample>& samples);
  /// Throws std::runtime_error that names the folder for a record that is damaged.
  std::vector<EncodedSample> read(const std::string& key) const;

 private:
  struct Place {
    std::int64_t offset, bytes;
  };
  void scan();

  std::filesystem::path path_;
  FileDescriptor file_;
  mutable std::mutex mutex_;
  std::map<std::string, Place> places_;
  std::int64_t end_ = 0;
};

}  // namespace medsweep::datasets
