#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/data_file.h"
#include "datasets/stored_array.h"

namespace medsweep::datasets {

/// A sample, checked and compressed: what a thread can do beside the others.
struct EncodedSample {
  SampleId id;
  Extent size{};
  std::int64_t foreground = -1;  ///< labelled pixels; -1: no labels
  std::int64_t instances = -1;   ///< how many; -1: none are known
  std::string digest{};
  struct Array {
    StoredArray stored;  ///< without the places of its chunks
    std::vector<std::vector<std::uint8_t>> chunks{};
  };
  std::vector<Array> arrays{};
};

/// Checks a sample against the header and compresses its arrays. Any thread may call it.
/// Throws std::invalid_argument for what the layout cannot hold; it names the sample.
EncodedSample encode(const RawSample& sample, const DataFileHeader& header,
                     Compression compression = Compression::kDeflate);

/// Throws std::invalid_argument "[where] ..." for a header that the layout cannot hold.
void check_header(const std::string& where, const DataFileHeader& header);

/// Writes a data file of datasets/FORMAT.md, the same bytes for the same samples: beside `path`
/// under a temporary name, read back and compared by finish(), flushed, renamed. Until then, and
/// after any error, `path` is as it was and nothing else is left. Not for concurrent use.
///
/// Throws std::invalid_argument for a header or sample that the layout cannot hold (it names the
/// sample), std::runtime_error for what the disk does.
class DataFileWriter {
 public:
  /// temporary: where it grows, on the same file system; empty: beside `path`.
  DataFileWriter(const std::filesystem::path& path, const DataFileHeader& header,
                 const std::filesystem::path& temporary = {});
  ~DataFileWriter();  ///< without finish(): removes what was written
  DataFileWriter(const DataFileWriter&) = delete;
  DataFileWriter& operator=(const DataFileWriter&) = delete;

  /// Appends a sample; its id.index is its position here. Labels must be at most classes.size(),
  /// the field of view 0 or 1, the name unique and free of "." and ".." components, the spacing
  /// three positive numbers or empty, float32 images finite.
  void add(const RawSample& sample) { add(encode(sample, header_)); }
  void add(const EncodedSample& sample);
  std::int64_t size() const;  ///< samples so far

  /// Writes the index, verifies every sample on so many threads, and puts the file in its place.
  /// Returns its digest.
  std::string finish(std::int64_t threads = 1);

 private:
  struct State;
  DataFileHeader header_;
  std::unique_ptr<State> state_;
};

}  // namespace medsweep::datasets
