#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datasets/batch.h"

namespace medsweep::datasets {

/// Objects of one sample, each by itself: boxes and, where known, masks. n may be 0.
struct Instances {
  torch::Tensor boxes{};   ///< [n, 4] float32: x1, y1, x2, y2 in pixels; pixel i covers [i, i + 1)
  torch::Tensor labels{};  ///< [n] uint8: i = classes()[i - 1]
  torch::Tensor ignore{};  ///< [n] uint8: 1 is a crowd, neither to be found nor counted as an error
  torch::Tensor masks{};   ///< [n, H, W] uint8, 0 or 1; undefined where only boxes are known
  bool defined() const { return boxes.defined(); }
};

/// A sample as it is stored: nothing scaled, nothing cropped. Planes are [H, W], of volumes
/// [D, H, W].
struct RawSample {
  torch::Tensor image{};            ///< [C, H, W] or [C, D, H, W] uint8, int16 or float32
  torch::Tensor labels{};           ///< plane, uint8: 0 background, i = classes()[i - 1]; undefined
                                    ///< where nobody drew any
  torch::Tensor field_of_view{};    ///< plane, uint8, 0 or 1; undefined where the data has none
  torch::Tensor second_observer{};  ///< labels of another reader; undefined where there is none
  Instances instances{};            ///< of two-dimensional data; undefined where the data has none
  SampleId id{};
};

/// Which arrays of a sample are wanted.
struct Parts {
  bool image = true, labels = true, field_of_view = true, second_observer = true, instances = true;
};

/// Classes that are evaluated together and may overlap: whole tumour = {1, 2, 3}.
struct Region {
  std::string name;                  ///< "wt"
  std::vector<std::int64_t> labels;  ///< of the label map
  bool operator==(const Region&) const = default;
};

/// [R, ...] uint8 of 0 and 1: the regions as overlapping channels. labels: [...] uint8.
torch::Tensor region_channels(const torch::Tensor& labels, const std::vector<Region>& regions);

/// What holds for all samples of a data file.
struct DataFileHeader {
  std::string name;                         ///< of the data set: "acdc"
  std::vector<std::string> classes;         ///< without the background; label i is classes[i - 1]
  std::int64_t channels = 1;                ///< of every image
  std::int64_t dimension = 2;               ///< 3: samples are volumes
  std::vector<Region> regions{};            ///< may be empty
  std::vector<std::int64_t> label_codes{};  ///< of each class in the source; empty: 1, 2, ...
  bool operator==(const DataFileHeader&) const = default;
};

/// What planning needs to know of a data file.
struct DataFileSummary {
  std::string name;                  ///< of the data set: "acdc"
  std::string digest;                ///< SHA-256 over all decoded samples
  std::vector<std::string> classes;  ///< without the background
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
  const std::string& digest() const;  ///< over all decoded samples; h5repack keeps it
  /// The digest of one decoded sample, as recorded.
  const std::string& sample_digest(std::int64_t index) const;

  /// May be called from several threads at once. Throws std::out_of_range for an index outside
  /// [0, samples().size()), std::runtime_error that names the file and the sample for what cannot
  /// be read.
  RawSample read(std::int64_t index, const Parts& parts = {}) const;

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

/// The arrays that a sample has, by their names in the file, in FORMAT.md's order.
std::vector<std::pair<const char*, torch::Tensor>> named_arrays(const RawSample& sample);

/// The digest of a decoded sample as FORMAT.md defines it: its names, spacing and pixels.
std::string digest_of(const RawSample& sample);

}  // namespace medsweep::datasets
