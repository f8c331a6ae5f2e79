#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/raw_sample.h"

namespace medsweep::datasets {

/// What planning needs to know of a data file.
struct DataFileSummary {
  std::string name;                  ///< of the data set: "acdc"
  std::string digest;                ///< SHA-256 over all decoded samples
  std::vector<std::string> classes;  ///< without the background
  std::vector<Region> regions{};     ///< of them
  std::int64_t channels = 0;
  std::int64_t dimension = 2;
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

  const DataFileHeader& header() const;
  const std::string& name() const { return header().name; }
  const std::vector<std::string>& classes() const { return header().classes; }
  std::int64_t channels() const { return header().channels; }
  const std::filesystem::path& path() const;
  const std::vector<SampleId>& samples() const;
  const std::vector<Extent>& sizes() const;  ///< one per sample
  /// Labelled pixels of each sample, 0 for an empty slice; -1 where it has no labels.
  const std::vector<std::int64_t>& foreground() const;
  /// Of every sample: how many objects; -1 where none are known.
  const std::vector<std::int64_t>& instances() const;
  const std::string& digest() const;  ///< over all decoded samples; h5repack keeps it
  /// The digest of one decoded sample, as recorded.
  const std::string& sample_digest(std::int64_t index) const;

  /// May be called from several threads at once. Throws std::out_of_range for an index outside
  /// [0, samples().size()), std::runtime_error that names the file and the sample for what cannot
  /// be read.
  /// image: memory of the image's shape, contiguous; where its type is the stored one, the image is
  /// read into it and the sample's image is this tensor.
  RawSample read(std::int64_t index, const Parts& parts = {},
                 const torch::Tensor& image = {}) const;

  /// A box of a volume, [first, first + extent) along [D, H, W], within its borders: image, labels
  /// and field of view, as far as `parts` wants them. Only the chunks that it touches are read.
  RawSample read_box(std::int64_t index, const std::array<std::int64_t, 3>& first,
                     const Extent& extent, const Parts& parts = {}) const;

 private:
  struct Content;
  std::unique_ptr<const Content> content_;
};

/// Reads the index only. Empty when there is no file; errors as those of DataFile.
std::optional<DataFileSummary> summarize(const std::filesystem::path& path);

}  // namespace medsweep::datasets
