#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/data_file.h"

namespace medsweep::datasets {

/// What holds for all samples of a data file.
struct DataFileHeader {
  std::string name;                  ///< of the data set: "acdc"
  std::vector<std::string> classes;  ///< without the background; label i is classes[i - 1]
  std::int64_t channels = 1;         ///< of every image
};

/// Writes a data file of datasets/FORMAT.md, the same bytes for the same samples: beside `path`
/// under a temporary name, read back and compared by finish(), flushed, renamed. Until then, and
/// after any error, `path` is as it was and nothing else is left. Not for concurrent use.
///
/// Throws std::invalid_argument for a header or sample that the layout cannot hold (it names the
/// sample), std::runtime_error for what the disk does.
class DataFileWriter {
 public:
  DataFileWriter(const std::filesystem::path& path, const DataFileHeader& header);
  ~DataFileWriter();  ///< without finish(): removes what was written
  DataFileWriter(const DataFileWriter&) = delete;
  DataFileWriter& operator=(const DataFileWriter&) = delete;

  /// Appends a sample; its id.index is its position here. Labels must be at most classes.size(),
  /// the field of view 0 or 1, the name unique and free of "." and ".." components, the spacing
  /// three positive numbers or empty, float32 images finite.
  void add(const RawSample& sample);
  std::int64_t size() const;  ///< samples so far

  /// Writes the index, verifies every sample, and puts the file in its place. Returns its digest.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace medsweep::datasets
