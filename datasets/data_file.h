#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/batch.h"

namespace medsweep::datasets {

/// A sample as it is stored: nothing scaled, nothing cropped.
struct RawSample {
  torch::Tensor image;          ///< [C, H, W] uint8, int16 or float32
  torch::Tensor labels;         ///< [H, W] uint8: 0 background, i = classes()[i - 1]
  torch::Tensor field_of_view;  ///< [H, W] uint8, 0 or 1; undefined where the data has none
  SampleId id;
};

/// What planning needs to know of a data file.
struct DataFileSummary {
  std::string name;                  ///< of the data set: "acdc"
  std::string digest;                ///< SHA-256 over all decoded samples
  std::vector<std::string> classes;  ///< without the background
  std::int64_t channels = 0;
  std::vector<Extent> sizes;  ///< one per sample
  std::int64_t samples = 0;
  std::int64_t patients = 0;
  std::int64_t bytes = 0;  ///< on disk
};

/// A data file of datasets/FORMAT.md, open for reading. The HDF5 library reads the index when the
/// file is opened (read-only, without locks) and is not called again: pixels come by pread and
/// libdeflate, so that threads do not wait for each other and processes share the page cache.
///
/// A file that was rewritten by other tools (h5repack) is noticed when it is opened: the places of
/// its chunks are then asked from HDF5, and each sample read is checked against its digest.
///
/// Throws std::invalid_argument for a file that does not exist or is no data file,
/// std::runtime_error for one that is damaged; both name it.
class DataFile {
 public:
  explicit DataFile(const std::filesystem::path& path);
  ~DataFile();
  DataFile(DataFile&&) noexcept;
  DataFile& operator=(DataFile&&) noexcept;

  const std::string& name() const;  ///< of the data set: "acdc"
  const std::filesystem::path& path() const;
  const std::vector<std::string>& classes() const;  ///< without the background
  std::int64_t channels() const;                    ///< of every image
  const std::vector<SampleId>& samples() const;
  const std::vector<Extent>& sizes() const;  ///< one per sample
  const std::string& digest() const;         ///< over all decoded samples; h5repack keeps it
  /// The digest of one decoded sample, as recorded.
  const std::string& sample_digest(std::int64_t index) const;

  /// May be called from several threads at once. Throws std::out_of_range for an index outside
  /// [0, samples().size()), std::runtime_error that names the file and the sample for what cannot
  /// be read.
  RawSample read(std::int64_t index) const;

 private:
  struct Content;
  std::unique_ptr<const Content> content_;
};

/// Reads the index only. Empty when there is no file; errors as those of DataFile.
std::optional<DataFileSummary> summarize(const std::filesystem::path& path);

/// The digest of a decoded sample as FORMAT.md defines it: its names, spacing and pixels.
std::string digest_of(const RawSample& sample);

}  // namespace medsweep::datasets
